"""Mu-law companding: 256 levels that are dense around zero and wide where a signal is loud.

The continuous form of ITU-T Recommendation G.711, F(x) = sgn(x) ln(1 + mu |x|) / ln(1 + mu) with
mu = 255, for x from -1 to 1; its values are cut into 256 intervals of equal length. Zero is the
edge between the levels 127 and 128. What is louder than 1 falls into the outermost levels.
"""

from __future__ import annotations

import numpy as np

from repertoire.runtime.signature import Array

MU = 255
LEVELS = 256
SILENCE = 128  # the level of zero
HALF = LEVELS // 2


def companded(signal: Array) -> Array:
    """Signal of any range -> F of it, from -1 to 1: same shape, float64."""
    clipped = np.clip(np.asarray(signal, np.float64), -1, 1)
    return np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU)


def expanded(values: Array) -> Array:
    """The inverse of ``companded``, for values from -1 to 1."""
    values = np.asarray(values, np.float64)
    return np.sign(values) * np.expm1(np.abs(values) * np.log1p(MU)) / MU


def encoded(signal: Array) -> Array:
    """Signal -> levels, uint8, of the same shape."""
    return np.minimum(np.floor((companded(signal) + 1) * HALF), LEVELS - 1).astype(np.uint8)


def decoded(levels: Array) -> Array:
    """Levels -> the middle of their intervals on the companded scale, expanded: float64."""
    return MIDDLES[np.asarray(levels)]


def edges() -> Array:
    """The bounds of the levels in the signal: float64 (257,), from -1 to 1."""
    return expanded(np.arange(LEVELS + 1) / HALF - 1)


MIDDLES = expanded((np.arange(LEVELS) + 0.5) / HALF - 1)
