"""Comparing pictures, and choosing and arranging them for a report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from repertoire.contract import Array, Figure, Measurement
from repertoire.measured import Metric

LEVEL_METRICS = (
    Metric(
        "grey_mse",
        "Reconstruction error of grey levels",
        "squared, a pixel, white being 1",
        "lower",
    ),
    Metric(
        "rgb_mse",
        "Reconstruction error of colour levels",
        "squared, per channel, white being 1",
        "lower",
    ),
    Metric("psnr_db", "Peak signal-to-noise ratio", "dB", "higher"),
)
GAIN_METRICS = (
    Metric("denoising_gain_db", "PSNR gain from denoising", "dB", "higher"),
    Metric("{noise}_gain_db", "PSNR gain from denoising, {noise}", "dB", "higher"),
)


def thinned(frames: Array, most: int = 8) -> Array:
    """At most ``most`` frames at even distances, the first and the last among them."""
    places = np.linspace(0, len(frames) - 1, min(most, len(frames)))
    return frames[np.unique(places.round().astype(int))]


def unit(images: Array) -> Array:
    """Grey levels 0 to 255 as float64 from 0 to 1."""
    return images.astype(np.float64) / 255


def level_error(channels: int) -> str:
    """What the squared error of the levels of images of so many channels is called."""
    return "grey_mse" if channels == 1 else "rgb_mse"


def as_shown(figures: Sequence[Figure], facts: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Figures whose grey images are no ink: with three equal channels, they are not inverted."""
    if facts.get("ink", True):
        return tuple(figures)
    return tuple(
        replace(figure, images=np.repeat(figure.images[..., None], 3, axis=-1))
        if figure.images is not None and figure.images.ndim == 4
        else figure
        for figure in figures
    )


def psnr_db(mse: float) -> float:
    """Peak signal-to-noise ratio in decibels of a squared error a pixel of white 1."""
    return float(-10 * np.log10(mse))


def squared_errors(clean: Array, pictures: Array) -> Array:
    """The mean squared error a pixel of white 1 of each of uint8 pictures (n, side, side): (n,).

    Of coloured ones (n, side, side, 3), a channel.
    """
    return np.square(unit(pictures) - unit(clean)).mean(tuple(range(1, clean.ndim)))


def denoising_gains(
    before: Array, after: Array, kinds: Array, names: Sequence[str]
) -> dict[str, float]:
    """By how many decibels restoring lowered the squared error, over all pictures and by kind.

    ``before`` and ``after`` are the errors (n,) of the pictures that were given and given back;
    ``kinds`` (n,) are numbers of ``names``. A kind that no picture has is nan.
    """

    def gain(chosen: Array) -> float:
        if not chosen.any():
            return float("nan")
        return psnr_db(after[chosen].mean()) - psnr_db(before[chosen].mean())

    gains = {"denoising_gain_db": gain(np.ones(len(kinds), bool))}
    if len(names) > 1:
        gains |= {f"{name}_gain_db": gain(kinds == n) for n, name in enumerate(names)}
    return gains


def gain_measurement(
    before: Array, after: Array, kinds: Array, names: Sequence[str]
) -> Measurement:
    """``denoising_gains``, picture by picture."""
    return Measurement(
        len(kinds), lambda rows: denoising_gains(before[rows], after[rows], kinds[rows], names)
    )
