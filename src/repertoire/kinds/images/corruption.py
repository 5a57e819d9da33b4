"""Pictures corrupted by a seed, so that their truth is known to train and evaluate denoisers.

Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
"""

from collections.abc import Mapping

import numpy as np

from repertoire.config import ConfigError
from repertoire.contract import Array

KINDS = ("blur", "gaussian", "mask", "salt_and_pepper")
SPREAD = 3  # deviations that a blurring kernel reaches


def corrupted(
    images: Array, corruption: Mapping[str, float], rng: np.random.Generator
) -> tuple[Array, Array]:
    """uint8 (n, side, side) spoiled, and of each the number of its kind among the sorted names.

    Coloured ones are (n, side, side, 3); a pixel that is masked or turns black or white does so in
    all channels.

    The kinds take turns. Strengths: ``blur`` the deviation of the kernel in pixels, ``gaussian``
    that of the noise as a share of white, ``mask`` the side of a black square as a share of the
    picture's, ``salt_and_pepper`` the share of pixels that turn black or white.
    """
    if unknown := sorted(set(corruption) - set(KINDS)):
        raise ConfigError(f"corruption {unknown[0]!r} is unknown; known: {', '.join(KINDS)}")
    spoiled, kinds = images.copy(), np.arange(len(images)) % max(1, len(corruption))
    for number, name in enumerate(sorted(corruption)):
        chosen = kinds == number
        spoiled[chosen] = _SPOIL[name](images[chosen], corruption[name], rng)
    return spoiled, kinds


def _blur(images: Array, deviation: float, _: np.random.Generator) -> Array:
    reach = int(np.ceil(SPREAD * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    found = images.astype(np.float64)
    for axis in (1, 2):
        width = [(0, 0)] * images.ndim
        width[axis] = (reach, reach)
        padded = np.pad(found, width)
        side = images.shape[axis]
        parts = [np.take(padded, range(n, n + side), axis) for n in range(len(weights))]
        found = np.tensordot(weights / weights.sum(), parts, 1)
    return found.round().astype(np.uint8)


def _gaussian(images: Array, deviation: float, rng: np.random.Generator) -> Array:
    noise = 255 * deviation * rng.standard_normal(images.shape)
    return np.clip(images + noise, 0, 255).round().astype(np.uint8)


def _mask(images: Array, share: float, rng: np.random.Generator) -> Array:
    side = images.shape[1]
    width = round(share * side)
    corners = rng.integers(0, side - width + 1, (2, len(images), 1))
    inside = (np.arange(side) >= corners) & (np.arange(side) < corners + width)
    masked = _channels(inside[0][:, :, None] & inside[1][:, None, :], images)
    return np.where(masked, 0, images).astype(np.uint8)


def _salt_and_pepper(images: Array, share: float, rng: np.random.Generator) -> Array:
    draws = _channels(rng.random(images.shape[:3]), images)
    salted = np.where(draws < share / 2, 0, images)
    return np.where(draws > 1 - share / 2, 255, salted).astype(np.uint8)


def _channels(pixels: Array, images: Array) -> Array:
    return pixels.reshape(*pixels.shape, *[1] * (images.ndim - 3))


_SPOIL = {
    "blur": _blur,
    "gaussian": _gaussian,
    "mask": _mask,
    "salt_and_pepper": _salt_and_pepper,
}
