"""Images without nets: densities of black and white pixels, Gaussians, principal components.

Likelihoods of binary images: independent Bernoulli pixels, mixtures of these, and the strongest
without hidden units, a logistic regression of each pixel on its neighbourhood. A net is judged by a
bound of its likelihood, these by theirs. As generators: a Gaussian of the pixels and a mixture of
Gaussians in the space of principal components. Copies of training images are nearer to real ones
than any model, but they are no model: ``real_train`` shows how near, as a reference.

Nats and ``pca_*_mse`` are of pixels binarised at half intensity, what is called grey of their
levels between 0 and 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.config import Count, Positive, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.kinds.images.bernoulli import Likelihoods, likelihoods
from repertoire.kinds.images.binarisation import drawn_once
from repertoire.kinds.images.denoising import NAMES as DENOISING_NAMES
from repertoire.kinds.images.denoising import filter_gains, linear_gains
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.gaussians import Generators, best_mixture, gaussian_images
from repertoire.metrics.generation import (
    Judge,
    coverage_percent,
    distance_of_halves,
    frechet_distance,
)
from repertoire.metrics.pictures import psnr_db, unit
from repertoire.metrics.principal import Principal

NAMES = (  # patterns of the metrics that a gate may name
    "((class|drawn)_)?(bernoulli_(mixture|pixels)|logistic_pixels)_nats",
    *DENOISING_NAMES,
    "(gaussian_(mixture|pixels)|real_halves|real_train)_frechet_distance",
    "(gaussian_(mixture|pixels)|real_train)_coverage_percent",
    r"pca_\d+_(grey_mse|mse|psnr_db|probe_accuracy_percent)",
    "real_label_agreement_percent",
)
PREFIXES = {"half": "", "drawn": "drawn_", "class": "class_"}


@dataclass(frozen=True)
class Config:
    """``of``: pixels at half intensity, drawn ones, and those given the class of the image.

    Such are what some net of these data is judged by. ``widths`` of the principal component codes.
    ``corruption`` is what must be undone, that of ``corruption.py``; ``penalties`` are
    those of linear maps that do, among which validation chooses.
    """

    of: tuple[Literal["half", "drawn", "class"], ...]
    likelihoods: Likelihoods
    generators: Generators
    widths: tuple[Count, ...]
    seed: Seed
    corruption: Mapping[str, float]
    penalties: tuple[Positive, ...]


Splits = dict[str, Arrays]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Nats of the binarised test images, reconstruction error, likeness to the judge."""
    splits = {split: data.arrays(split) for split in ("train", "valid", "test")}
    result: dict[str, float] = {}
    for kind in config.of:
        images = {s: binary_images(arrays["images"], s, kind) for s, arrays in splits.items()}
        labels = {s: arrays["labels"] for s, arrays in splits.items()} if kind == "class" else {}
        found = likelihoods(config.likelihoods, images, labels, config.seed)
        result |= {PREFIXES[kind] + name: value for name, value in found.items()}
    binary = [binary_images(splits[s]["images"], s, "half") for s in ("train", "test")]
    seen, unseen = (each.reshape(len(each), -1).astype(np.float64) for each in binary)
    components = Principal(seen)
    for width in config.widths:
        result[f"pca_{width}_mse"] = components.error(unseen, width)
    result |= judged_baselines(config, splits, Judge(data.arrays("judge")))
    return result | grey_baselines(config, data)


def binary_images(images: Array, split: str, kind: str) -> Array:
    """float32, 0 or 1: at half intensity, or drawn once as the nets' test images are."""
    seen = drawn_once(images, split) if kind == "drawn" else images
    return (seen >= 128).astype(np.float32)


def judged_baselines(config: Config, splits: Splits, judge: Judge) -> dict[str, float]:
    """Distance to the test images and coverage of them, of as many generated images."""
    train, test = splits["train"]["images"], splits["test"]["images"]
    real, known = judge.features(test), judge.features(train)
    mixture, components = best_mixture(
        config.generators, train, splits["valid"]["images"], judge, config.seed
    )
    rng = np.random.default_rng(config.seed)
    made = {
        "gaussian_pixels": judge.features(gaussian_images(train, len(test), config.seed)),
        "gaussian_mixture": judge.features(mixture.images(len(test), config.seed)),
        "real_train": known[rng.permutation(len(known))[: len(test)]],
    }
    result = {"gaussian_mixture_components": float(components)}
    for name, features in made.items():
        result[f"{name}_frechet_distance"] = frechet_distance(features, real)
        result[f"{name}_coverage_percent"] = coverage_percent(features, real)
    halves = distance_of_halves(known, (len(test), len(test)))
    result |= {f"real_halves_{key}": value for key, value in halves.items()}
    agreed = judge.classes(test) == splits["test"]["labels"]
    return {**result, "real_label_agreement_percent": float(100 * agreed.mean())}


def grey_baselines(config: Config, data: Data, split: str = "test") -> dict[str, float]:
    """Principal components of grey levels: error, what a linear probe reads in them; filters."""
    train, other = data.arrays("train"), data.arrays(split)
    seen, unseen = (unit(a["images"]).reshape(len(a["images"]), -1) for a in (train, other))
    components = Principal(seen)
    result: dict[str, float] = {}
    for width in config.widths:
        error = components.error(unseen, width)
        result[f"pca_{width}_grey_mse"] = error
        result[f"pca_{width}_psnr_db"] = psnr_db(error)
        codes = [components.codes(x, width) for x in (seen, unseen)]
        guesses = linear_probe(codes[0], train["labels"], codes[1])
        result[f"pca_{width}_probe_accuracy_percent"] = 100 * float(
            np.mean(guesses == other["labels"])
        )
    if config.corruption:
        splits = [a["images"] for a in (train, data.arrays("valid"), other)]
        result |= filter_gains(components, config.corruption, *splits[1:])
        result |= linear_gains(config.corruption, config.penalties, config.seed, *splits)
    return result
