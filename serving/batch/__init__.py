"""A task, or a raw graph, over a file of rows."""
