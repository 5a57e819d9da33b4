"""Filters that take noise from pictures without having learned anything."""

import numpy as np

from repertoire.contract import Array


def _windows(images: Array, size: int) -> Array:
    """The ``size`` x ``size`` pixels around each pixel; black beyond the border."""
    reach = size // 2
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)))
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))


def median(images: Array, size: int) -> Array:
    """The middle value of the window around each pixel of images (n, side, side)."""
    windows = _windows(images, size)
    return np.median(windows.reshape(*images.shape, size * size), axis=-1)


def wiener(images: Array, size: int) -> Array:
    """The adaptive filter of Lee 1980 (Lim 1990, section 9.2.2), as in ``scipy.signal.wiener``.

    Flat windows, whose variance is at most the mean one of the picture, become their mean.
    """
    windows = _windows(images, size)
    mean, variance = windows.mean((-2, -1)), windows.var((-2, -1))
    noise = variance.mean((1, 2), keepdims=True)
    kept = np.maximum(variance - noise, 0) / np.maximum(np.maximum(variance, noise), 1e-12)
    return mean + kept * (images - mean)
