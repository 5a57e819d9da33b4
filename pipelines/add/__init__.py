"""`python -m pipelines.add`: from somebody's files to a data set and a recipe of their own."""
