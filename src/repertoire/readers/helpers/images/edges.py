"""Edges of grey pictures, one pixel wide."""

import numpy as np

from repertoire.contract import Array

SMOOTH, SLOPE = (1, 2, 1), (-1, 0, 1)  # Sobel's filters are their outer products
STEEPEST = 4 * 255  # the slope between black and white along an axis
# Steps (down, right) across an edge whose gradient points at 0, 45, 90 and 135 degrees.
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1))


def edges(images: Array, threshold: float) -> Array:
    """White edges on black: uint8 (pictures, side, side) -> the same.

    Sobel gradients that are at least ``threshold`` of the steepest slope along an axis, and not
    below either neighbour across the edge (non-maximum suppression; Canny 1986, section VI).
    """
    down, right = (_filtered(images, *pair) for pair in ((SLOPE, SMOOTH), (SMOOTH, SLOPE)))
    size = np.hypot(down, right)
    sector = np.round(np.arctan2(down, right) / (np.pi / 4)).astype(int) % 4
    kept = np.zeros(size.shape, bool)
    for number, (below, beside) in enumerate(STEPS):
        # Of two equal neighbours the first is kept, or the edge would be two pixels wide.
        ridge = (size >= _neighbour(size, below, beside)) & (
            size > _neighbour(size, -below, -beside)
        )
        kept |= ridge & (sector == number)
    return np.where(kept & (size >= threshold * STEEPEST), 255, 0).astype(np.uint8)


def _filtered(images: Array, rows: tuple[int, ...], columns: tuple[int, ...]) -> Array:
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    height, width = images.shape[1:]
    parts = [
        rows[i] * columns[j] * padded[:, i : i + height, j : j + width]
        for i in range(3)
        for j in range(3)
    ]
    return np.sum(parts, axis=0)


def _neighbour(values: Array, down: int, right: int) -> Array:
    """The value a step away; nothing lies beyond the rim."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    height, width = values.shape[1:]
    return padded[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
