"""Stacked grey images without nets: three generators of single images, and real images.

Independent pixels, a Gaussian of the pixels, and a mixture of Gaussians in the space of principal
components: the strongest generator that is fitted in seconds. They know what no net is told, that
channels are independent and alike. ``real_train`` and ``real_test`` are references.
"""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Seed
from repertoire.contract import Array, Data, Measurement
from repertoire.kinds.stacked_images.facts import Facts
from repertoire.measured import Baseline
from repertoire.metrics.gaussians import (
    Generators,
    best_mixture,
    gaussian_images,
    independent_images,
)
from repertoire.metrics.generation import (
    EvaluationClassifier,
    coverage_measurement,
    distance_of_stacked_halves,
    frechet_distance,
    mode_coverage,
)
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("independent_pixels", "independent Gaussian pixels"),
    Baseline("gaussian_pixels", "Gaussian pixels"),
    Baseline("gaussian_mixture", "mixture of {gaussian_mixture_components:.0f} Gaussians"),
    Baseline("real_halves", "two halves of real images", "real"),
    Baseline("real_train", "real training images", "real"),
    Baseline("real_test", "real test images", "real"),
)


@dataclass(frozen=True)
class Config:
    """Candidates for the mixture, from which validation chooses."""

    generators: Generators
    seed: Seed


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Modes covered, divergence, distance and coverage, with as many images as the test split."""
    images = {split: data.arrays(split)["images"] for split in ("train", "valid", "test")}
    classifier, test = EvaluationClassifier(data.arrays("classifier")), images["test"]
    count, channels, seed = len(test), data.facts["channels"], config.seed
    modes, real = data.facts["classes"] ** channels, classifier.features(test)
    digits = {split: single_images(each) for split, each in images.items()}
    train, wanted = digits["train"], channels * count
    mixture, components = best_mixture(config.generators, train, digits["valid"], classifier, seed)
    drawn = {
        "independent_pixels": independent_images(train, wanted, seed),
        "gaussian_pixels": gaussian_images(train, wanted, seed),
        "gaussian_mixture": mixture.images(wanted, seed),
    }
    found = Scores()
    found["gaussian_mixture_components"] = float(components)
    made = {name: stacks(singles, channels) for name, singles in drawn.items()}
    for name, each in (made | {"real_test": test}).items():
        found.measure(name, _of_modes(classifier.classes(each), modes))
    for name, each in (made | {"real_train": images["train"][:count]}).items():
        features = classifier.features(each)
        found[f"{name}_frechet_distance"] = frechet_distance(features, real)
        found.measure(name, coverage_measurement(features, real))
    halves = distance_of_stacked_halves(
        classifier.features(train), len(digits["test"]), count, channels
    )
    found |= {f"real_halves_{key}": value for key, value in halves.items()}
    return found


def _of_modes(kinds: Array, modes: int) -> Measurement:
    return Measurement(len(kinds), lambda rows: mode_coverage(kinds[rows], modes))


def single_images(images: Array) -> Array:
    """The different images (images, side, side) of which stacks (…, side, side, channels) are."""
    every = np.ascontiguousarray(np.moveaxis(images, 3, 1)).reshape(-1, *images.shape[1:3])
    places = {image.tobytes(): place for place, image in enumerate(every)}
    return every[sorted(places.values())]


def stacks(singles: Array, channels: int) -> Array:
    """Stacks (count, side, side, channels) of single images, ``channels`` after each other."""
    return np.moveaxis(singles.reshape(-1, channels, *singles.shape[1:]), 1, 3)
