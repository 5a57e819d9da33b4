"""Champions of an MLflow registry, copied into a folder of models and kept in line with it."""
