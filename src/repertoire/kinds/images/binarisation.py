"""Grey pictures as black and white ones, of which a Bernoulli likelihood is one."""

import numpy as np

from repertoire.contract import Array

SEEDS = {"train": 0, "valid": 1, "test": 2}


def drawn(images: Array, rng: np.random.Generator) -> Array:
    """uint8 of the same shape: each pixel 255 with its grey level's chance, else 0."""
    return np.where(rng.integers(0, 255, images.shape, np.uint8) < images, 255, 0).astype(np.uint8)


def drawn_once(images: Array, split: str) -> Array:
    """The one draw of a split that is measured, and trained on where pixels are drawn once.

    Published figures for MNIST are of another such draw (Larochelle and Murray 2011).
    """
    return drawn(images, np.random.default_rng(SEEDS[split]))
