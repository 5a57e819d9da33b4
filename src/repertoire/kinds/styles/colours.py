"""Colours of one picture for another, without a net."""

import numpy as np

from repertoire.contract import Array

# Responses of the three kinds of cones to red, green and blue (Reinhard et al. 2001, equation 4).
CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
# Their logarithms, decorrelated: achromatic, yellow-blue, red-green (equation 6).
OPPONENTS = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])


def opponents(pixels: Array) -> Array:
    """uint8 (height, width, 3) -> lαβ (height, width, 3)."""
    cones = (pixels.astype(float) + 1) / 256 @ CONES.T  # a step above 0, which has no logarithm
    return np.log10(cones) @ OPPONENTS.T


def from_opponents(values: Array) -> Array:
    """The inverse of ``opponents``, clipped to what a picture holds."""
    cones = 10 ** (values @ np.linalg.inv(OPPONENTS).T)
    light = cones @ np.linalg.inv(CONES).T * 256 - 1
    return np.clip(np.round(light), 0, 255).astype(np.uint8)


def with_colours_of(photograph: Array, style: Array) -> Array:
    """Mean and deviation of each channel of lαβ become those of ``style`` (Reinhard 2001)."""
    own, wanted = opponents(photograph), opponents(style)
    scale = wanted.std((0, 1)) / np.maximum(own.std((0, 1)), 1e-9)
    return from_opponents((own - own.mean((0, 1))) * scale + wanted.mean((0, 1)))
