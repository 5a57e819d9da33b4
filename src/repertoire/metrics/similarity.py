"""How close pictures are to the pictures that they should be."""

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

L1_LEVELS = Metric("l1_levels", "Mean absolute difference", "grey levels", "lower")
SSIM = Metric("ssim", "Structural similarity", "", "higher")

# Wang et al. 2004, section III.C: a Gaussian window, and constants that keep ratios bounded.
WINDOW, DEVIATION = 11, 1.5
LEVELS = 255
LUMINANCE, CONTRAST = (0.01 * LEVELS) ** 2, (0.03 * LEVELS) ** 2
CHUNK = 250  # pictures at a time


def pair_measurement(guesses: Array, truths: Array) -> Measurement:
    """Mean absolute difference in grey levels, and mean structural similarity; units are pairs."""
    differences, likeness = l1_each(guesses, truths), ssim(guesses, truths)

    def measure(rows: Array) -> dict[str, float]:
        return {"l1_levels": float(differences[rows].mean()), "ssim": float(likeness[rows].mean())}

    return Measurement(len(guesses), measure)


def l1_levels(first: Array, second: Array) -> float:
    """Mean absolute difference of uint8 pictures, in grey levels from 0 to 255."""
    return float(l1_each(first, second).mean())


def l1_each(first: Array, second: Array) -> Array:
    """The same of each picture (pictures,) of uint8 (pictures, side, side[, 3])."""
    differences = np.abs(first.astype(np.int16) - second)
    return differences.reshape(len(differences), -1).mean(1)


def ssim(first: Array, second: Array) -> Array:
    """Structural similarity (pictures,) of uint8 (pictures, side, side[, 3]), at most 1.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    equation 13, averaged over the windows that lie within the picture, and over colours.
    """
    chunks = range(0, len(first), CHUNK)
    return np.concatenate([_ssim(first[at : at + CHUNK], second[at : at + CHUNK]) for at in chunks])


def _ssim(first: Array, second: Array) -> Array:
    x, y = (_by_colour(images) for images in (first, second))
    window = _windows(x.shape[-1])
    mean_x, mean_y = _within(window, x), _within(window, y)
    variances = _within(window, x**2 + y**2) - mean_x**2 - mean_y**2
    covariance = _within(window, x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + LUMINANCE) * (2 * covariance + CONTRAST)
    below = (mean_x**2 + mean_y**2 + LUMINANCE) * (variances + CONTRAST)
    return (above / below).mean((1, 2, 3))


def _by_colour(images: Array) -> Array:
    """float64 (pictures, colours, side, side)."""
    given = images[..., None] if images.ndim == 3 else images
    return np.moveaxis(given, -1, 1).astype(np.float64)


def _windows(side: int) -> Array:
    """Row by row the weights of one place of the window along a side: (places, side)."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / DEVIATION) ** 2)
    places = side - WINDOW + 1
    rows = np.zeros((places, side))
    for place in range(places):
        rows[place, place : place + WINDOW] = weights / weights.sum()
    return rows


def _within(window: Array, images: Array) -> Array:
    """Weighted means of all windows: the window is a product of one along each side."""
    return window @ images @ window.T
