"""Stacked grey images without nets: Gaussian pixels, and what real images reach themselves."""

from dataclasses import dataclass

import numpy as np

from repertoire.baselines.images import gaussian_images
from repertoire.contract import Array, Data
from repertoire.metrics.generation import (
    Judge,
    frechet_distance,
    mode_coverage,
    precision_and_recall,
)


@dataclass(frozen=True)
class Config:
    """Only the draws are random."""

    seed: int


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Modes covered, divergence, distance, precision and recall, with as many images as the test.

    The Gaussian knows what no generator is told: that channels are independent and alike.
    """
    train, test = data.arrays("train")["images"], data.arrays("test")["images"]
    judge, count = Judge(data.arrays("judge")), len(test)
    modes = data.facts["classes"] ** data.facts["channels"]
    real = judge.features(test)
    known = judge.features(train[: 2 * count])
    gaussian = gaussian_stacks(train[:count], count, config.seed)
    drawn = judge.features(gaussian)
    found = {
        "gaussian_pixels": {
            "frechet_distance": frechet_distance(drawn, real),
            **mode_coverage(judge.classes(gaussian), modes),
            **precision_and_recall(drawn, real),
        },
        "real_test": mode_coverage(judge.classes(test), modes),
        "real_train": {
            "frechet_distance": frechet_distance(known[:count], real),
            **precision_and_recall(known[:count], real),
        },
        "real_halves": {"frechet_distance": frechet_distance(*np.array_split(known, 2))},
    }
    return {f"{name}_{key}": v for name, metrics in found.items() for key, v in metrics.items()}


def gaussian_stacks(train: Array, count: int, seed: int) -> Array:
    """Stacks (count, side, side, channels) of independent draws that have one channel's moments."""
    channels = train.shape[3]
    drawn = gaussian_images(train[..., 0], channels * count, seed)
    return np.moveaxis(drawn.reshape(count, channels, *drawn.shape[1:]), 1, 3)
