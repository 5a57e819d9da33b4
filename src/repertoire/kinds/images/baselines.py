"""Images without nets: densities of pixels, Gaussians, principal components.

Likelihoods of binary images: independent Bernoulli pixels, mixtures of these, and the strongest
without hidden units, a logistic regression of each pixel on its neighbourhood. Of 8-bit levels:
Gaussians, of each value by itself and with principal components (``levels.py``). A net is judged by
a bound of its likelihood, these by theirs. As generators: a Gaussian of the pixels and a mixture of
Gaussians in the space of principal components. Copies of training images are nearer to real ones
than any model, but they are no model: ``real_train`` shows how near, as a reference.

Nats and ``pca_*_mse`` are of pixels binarised at half intensity, what is called grey or rgb of
their levels between 0 and 1. Linear maps that restore images are fitted to small ones alone
(``denoising.LARGEST``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.config import Count, Positive, Seed
from repertoire.contract import Array, Arrays, Data, Measurement
from repertoire.kinds.images.bernoulli import Likelihoods, likelihoods
from repertoire.kinds.images.binarisation import drawn_once
from repertoire.kinds.images.denoising import BASELINES as DENOISING_BASELINES
from repertoire.kinds.images.denoising import LARGEST, filter_gains, linear_gains
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.levels import level_bits
from repertoire.measured import Baseline
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.features import FeatureSpace, feature_space, kind_of_features
from repertoire.metrics.gaussians import Generators, best_mixture, gaussian_images
from repertoire.metrics.generation import (
    EvaluationClassifier,
    coverage_measurement,
    coverage_percent,
    distance_of_halves,
    frechet_distance,
)
from repertoire.metrics.pictures import level_error, psnr_db
from repertoire.metrics.principal import NUMBERS, Principal, pixel_rows
from repertoire.metrics.uncertainty import Scores, mean_measurement

BASELINES = (
    Baseline("bernoulli_mixture", "Bernoulli mixture"),
    Baseline("logistic_pixels", "logistic regression of each pixel on its neighbours"),
    Baseline("bernoulli_pixels", "Bernoulli pixels"),
    *DENOISING_BASELINES,
    Baseline("pca_{latent:d}", "{latent} principal components"),
    Baseline("ppca_{n:d}", "Gaussian of {n} principal components and even noise"),
    Baseline("gaussian_pixels", "Gaussian pixels"),
    Baseline("gaussian_mixture", "mixture of {gaussian_mixture_components:.0f} Gaussians"),
    Baseline("real_halves", "two halves of real images", "real"),
    Baseline("real_train", "real training images", "real"),
    Baseline("real", "evaluation classifier on real test images", "real"),
)
OF = {"half": "", "drawn": "drawn_", "class": "conditional_"}  # before the name of the metric


@dataclass(frozen=True)
class Config:
    """``of``: pixels at half intensity, drawn ones, those given the class of the image, and levels.

    Such are what some net of these data is judged by. ``widths`` of the principal component codes.
    ``corruption`` is what must be undone, that of ``corruption.py``; ``penalties`` are
    those of linear maps that do, among which validation chooses.
    """

    of: tuple[Literal["half", "drawn", "class", "levels"], ...]
    likelihoods: Likelihoods
    generators: Generators
    widths: tuple[Count, ...]
    seed: Seed
    corruption: Mapping[str, float]
    penalties: tuple[Positive, ...]


Splits = dict[str, Arrays]


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Nats or bits of the test images, reconstruction error, likeness in the feature space."""
    splits = {split: data.arrays(split) for split in ("train", "valid", "test")}
    found, tests = Scores(), splits["test"]["images"]
    for kind in config.of:
        if kind == "levels":
            found.include(level_bits(splits["train"]["images"], tests, config.widths))
            continue
        images = {s: binary_images(arrays["images"], s, kind) for s, arrays in splits.items()}
        labels = {s: arrays["labels"] for s, arrays in splits.items()} if kind == "class" else {}
        found.include(likelihoods(config.likelihoods, images, labels, config.seed, OF[kind]))
    if set(config.of) != {"levels"}:
        _add_binary_errors(found, config.widths, splits)
    found.include(generators(config, splits, data))
    found.include(grey_baselines(config, data))
    return found


def _add_binary_errors(found: Scores, widths: tuple[int, ...], splits: Splits) -> None:
    binary = [binary_images(splits[s]["images"], s, "half") for s in ("train", "test")]
    seen, unseen = (each.reshape(len(each), -1).astype(np.float64) for each in binary)
    components = Principal(seen)
    for width in widths:
        found.measure(f"pca_{width}", mean_measurement("mse", components.errors(unseen, width)))


def binary_images(images: Array, split: str, kind: str) -> Array:
    """float32, 0 or 1: at half intensity, or drawn once as the nets' test images are."""
    seen = drawn_once(images, split) if kind == "drawn" else images
    return (seen >= 128).astype(np.float32)


def generators(config: Config, splits: Splits, data: Data[Facts]) -> Scores:
    """Likeness to the test images of as many generated images, and of training images."""
    space = feature_space(data)
    pixels = kind_of_features(data.facts) == "pixels"
    chosen_by = _uncovered if pixels else frechet_distance
    train, test = splits["train"]["images"], splits["test"]["images"]
    real = space.features(test)
    mixture, components = best_mixture(
        config.generators, train, splits["valid"]["images"], space, config.seed, chosen_by
    )
    rng = np.random.default_rng(config.seed)
    copied = rng.permutation(len(train))[: len(test)]
    made = {
        "gaussian_pixels": space.features(gaussian_images(train, len(test), config.seed)),
        "gaussian_mixture": space.features(mixture.images(len(test), config.seed)),
        "real_train": space.features(train)[copied],
    }
    found = Scores()
    found["gaussian_mixture_components"] = float(components)
    for name, features in made.items():
        if not pixels:
            found[f"{name}_frechet_distance"] = frechet_distance(features, real)
        covered = "pixel_coverage_percent" if pixels else "coverage_percent"
        found.measure(name, coverage_measurement(features, real, covered))
    if not pixels:
        found |= _floors(space, splits, kind_of_features(data.facts) == "classes")
    return found


def _uncovered(features: Array, real: Array) -> float:
    return -coverage_percent(features, real)


def _floors(space: FeatureSpace, splits: Splits, classes: bool) -> dict[str, float]:
    """What real images reach: the distance of halves, and how often their class is read."""
    train, test = splits["train"], splits["test"]
    count = len(test["images"])
    halves = distance_of_halves(space.features(train["images"]), (count, count))
    result = {f"real_halves_{key}": value for key, value in halves.items()}
    if not classes:
        return result
    assert isinstance(space, EvaluationClassifier)
    agreed = space.classes(test["images"]) == test["labels"]
    return {**result, "real_label_agreement_percent": float(100 * agreed.mean())}


def grey_baselines(config: Config, data: Data[Facts], split: str = "test") -> Scores:
    """Principal components of levels: error, what a linear probe reads in them; filters."""
    train, other = data.arrays("train"), data.arrays(split)
    name = level_error(data.facts["channels"])
    components = Principal(pixel_rows(train["images"]))
    found = Scores()
    for width in config.widths:
        model = f"pca_{width}"
        found.measure(model, _of_errors(name, _errors(components, other["images"], width)))
        if "labels" in train:
            codes = [_codes(components, x["images"], width) for x in (train, other)]
            guesses = linear_probe(codes[0], train["labels"], codes[1])
            right = 100.0 * (guesses == other["labels"])
            found.measure(model, mean_measurement("probe_accuracy_percent", right))
    if config.corruption:
        splits = [a["images"] for a in (train, data.arrays("valid"), other)]
        found.include(filter_gains(components, config.corruption, *splits[1:]))
        if train["images"][:1].size <= LARGEST:
            found.include(linear_gains(config.corruption, config.penalties, config.seed, *splits))
    return found


def _of_errors(name: str, errors: Array) -> Measurement:
    def measure(rows: Array) -> dict[str, float]:
        mse = float(errors[rows].mean())
        return {name: mse, "psnr_db": psnr_db(mse)}

    return Measurement(len(errors), measure)


def _parts(images: Array) -> list[Array]:
    """All images as rows, in parts that memory holds; one part of small sets."""
    some = max(1, NUMBERS // images[:1].size)
    return [pixel_rows(images[start : start + some]) for start in range(0, len(images), some)]


def _errors(components: Principal, images: Array, width: int) -> Array:
    return np.concatenate([components.errors(part, width) for part in _parts(images)])


def _codes(components: Principal, images: Array, width: int) -> Array:
    return np.concatenate([components.codes(part, width) for part in _parts(images)])
