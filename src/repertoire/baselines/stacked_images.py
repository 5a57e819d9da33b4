"""Stacked grey images without nets: Gaussian and independent pixels, and what real images reach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from repertoire.baselines.images import gaussian_images
from repertoire.config import Seed
from repertoire.contract import Array, Data
from repertoire.metrics.generation import (
    Judge,
    frechet_distance,
    mode_coverage,
    precision_and_recall,
)

NAMES = (  # patterns of the metrics that a gate may name
    "(gaussian_pixels|independent_pixels|real_halves|real_train)_frechet_distance",
    "(gaussian_pixels|independent_pixels|real_test)_(mode_divergence_nats|modes_covered)",
    "(gaussian_pixels|independent_pixels|real_train)_sample_(precision|recall)_percent",
)


Draw: TypeAlias = Callable[[Array, int, int], Array]
"""(training images (images, side, side), count, seed) -> uint8 (count, side, side)"""


@dataclass(frozen=True)
class Config:
    """Only the draws are random."""

    seed: Seed


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Modes covered, divergence, distance, precision and recall, with as many images as the test.

    Gaussian pixels vary together within a channel, independent ones by themselves. Both know what
    no generator is told: that channels are independent and alike.
    """
    train, test = data.arrays("train")["images"], data.arrays("test")["images"]
    judge, count = Judge(data.arrays("judge")), len(test)
    modes = data.facts["classes"] ** data.facts["channels"]
    real = judge.features(test)
    known = judge.features(train[: 2 * count])
    found = {}
    for name, draw in (("gaussian", gaussian_images), ("independent", independent_images)):
        images = stacks(draw, train[:count], count, config.seed)
        drawn = judge.features(images)
        found[f"{name}_pixels"] = {
            "frechet_distance": frechet_distance(drawn, real),
            **mode_coverage(judge.classes(images), modes),
            **precision_and_recall(drawn, real),
        }
    found |= {
        "real_test": mode_coverage(judge.classes(test), modes),
        "real_train": {
            "frechet_distance": frechet_distance(known[:count], real),
            **precision_and_recall(known[:count], real),
        },
        "real_halves": {"frechet_distance": frechet_distance(*np.array_split(known, 2))},
    }
    return {f"{name}_{key}": v for name, metrics in found.items() for key, v in metrics.items()}


def independent_images(train: Array, count: int, seed: int) -> Array:
    """Draws whose pixels have the training pixels' means and deviations, each by itself."""
    noise = np.random.default_rng(seed).standard_normal((count, *train.shape[1:]), np.float32)
    return np.clip(train.mean(0) + noise * train.std(0), 0, 255).astype(np.uint8)


def stacks(draw: Draw, train: Array, count: int, seed: int) -> Array:
    """Stacks (count, side, side, channels) of images drawn after one channel of ``train``."""
    channels = train.shape[3]
    drawn = draw(train[..., 0], channels * count, seed)
    return np.moveaxis(drawn.reshape(count, channels, *drawn.shape[1:]), 1, 3)
