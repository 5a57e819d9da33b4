"""The Open Inference Protocol, version 2, and its extensions."""
