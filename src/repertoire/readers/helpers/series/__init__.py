"""Series in long and wide tables."""
