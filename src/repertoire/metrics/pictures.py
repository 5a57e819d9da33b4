"""Choosing and arranging pictures for a report."""

import numpy as np

from repertoire.contract import Array


def thinned(frames: Array, most: int = 8) -> Array:
    """At most ``most`` frames at even distances, the first and the last among them."""
    places = np.linspace(0, len(frames) - 1, min(most, len(frames)))
    return frames[np.unique(places.round().astype(int))]
