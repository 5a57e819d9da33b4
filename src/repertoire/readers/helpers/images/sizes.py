"""Sizes of image files in words."""

from collections.abc import Sequence
from math import prod

LISTED = 3  # different sizes that are told one by one


def sizes_words(sizes: Sequence[tuple[int, int]]) -> str:
    """Widths and heights, by area: all if few differ, else the smallest and the largest."""
    distinct = sorted(set(sizes), key=lambda size: (prod(size), size))
    words = [f"{width} x {height}" for width, height in distinct]
    if len(words) > LISTED:
        return f"{words[0]} to {words[-1]} by area"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
