"""Images without nets: densities of black and white pixels, Gaussians, principal components.

Likelihoods of binary images: independent Bernoulli pixels, mixtures of these, and the strongest
without hidden units, a logistic regression of each pixel on its neighbourhood. A net is judged by a
bound of its likelihood, these by theirs. As generators: a Gaussian of the pixels and a mixture of
Gaussians in the space of principal components. Copies of training images are nearer to real ones
than any model, but they are no model: ``real_train`` shows how near, as a reference.

Nats and ``pca_*_mse`` are of pixels binarised at half intensity, what is called grey of their
levels between 0 and 1.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from repertoire.config import Count, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.data.binarisation import drawn_once
from repertoire.data.corruption import corrupted
from repertoire.metrics import filters
from repertoire.metrics.bernoulli import Likelihoods, likelihoods
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.gaussians import Generators, best_mixture, gaussian_images
from repertoire.metrics.generation import (
    Judge,
    coverage_percent,
    distance_of_halves,
    frechet_distance,
)
from repertoire.metrics.pictures import denoising_gains, psnr_db, squared_errors, unit
from repertoire.metrics.principal import Principal

NAMES = (  # patterns of the metrics that a gate may name
    "((class|drawn)_)?(bernoulli_(mixture|pixels)|logistic_pixels)_nats",
    r"(best_filter|median|pca|wiener)_\w+_gain_db",
    "(gaussian_(mixture|pixels)|real_halves|real_train)_frechet_distance",
    "(gaussian_(mixture|pixels)|real_train)_coverage_percent",
    r"pca_\d+_(grey_mse|mse|psnr_db|probe_accuracy_percent)",
    "real_label_agreement_percent",
)
FILTERS = ("median", "wiener", "pca")
SIZES = (3, 5, 7)  # of a filter's window, pixels a side
SHARES = (0.01, 0.02, 0.04, 0.08, 0.16)  # of the components that a projection keeps
CHUNK = 250  # pictures that are filtered at once
PREFIXES = {"half": "", "drawn": "drawn_", "class": "class_"}


@dataclass(frozen=True)
class Config:
    """``of``: pixels at half intensity, drawn ones, and those given the class of the image.

    Such are what some net of these data is judged by. ``widths`` of the principal component codes.
    ``corruption`` is what filters must undo, that of ``repertoire.data.corruption``.
    """

    of: tuple[Literal["half", "drawn", "class"], ...]
    likelihoods: Likelihoods
    generators: Generators
    widths: tuple[Count, ...]
    seed: Seed
    corruption: Mapping[str, float]


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
        valid = data.arrays("valid")["images"]
        result |= filter_gains(components, config.corruption, valid, other["images"])
    return result


def filter_gains(
    components: Principal, corruption: Mapping[str, float], valid: Array, test: Array
) -> dict[str, float]:
    """Gains in decibels of each filter, and of the best of all.

    Which of them, and its size, is chosen for each kind of corruption by the same pictures of
    validation: unlike a net, a filter is told the kind.
    """
    names = sorted(corruption)
    known, asked = (
        (images, *corrupted(images, corruption, np.random.default_rng(0)))
        for images in (valid, test)
    )
    tried = {kind: list(_candidates(components, kind)) for kind in FILTERS}
    result: dict[str, float] = {}
    for label in ("best_filter", *FILTERS):
        allowed = [
            f for kind, found in tried.items() if label in ("best_filter", kind) for f in found
        ]
        restored = np.empty_like(test)
        for number in range(len(names)):
            clean, noisy = (part[known[2] == number] for part in known[:2])
            best = min(allowed, key=lambda f: np.square(unit(f(noisy)) - unit(clean)).mean())
            restored[asked[2] == number] = best(asked[1][asked[2] == number])
        gains = denoising_gains(
            squared_errors(test, asked[1]), squared_errors(test, restored), asked[2], names
        )
        result |= {f"{label}_{key}": value for key, value in gains.items()}
    return result


def _candidates(components: Principal, kind: str) -> Iterator[Callable[[Array], Array]]:
    """uint8 pictures to uint8 pictures, by every size of one kind of filter."""
    if kind == "pca":
        for share in SHARES:
            width = max(1, round(share * len(components.mean)))
            yield partial(_projected, components, width=width)
        return
    for size in SIZES:
        yield partial(_filtered, getattr(filters, kind), size=size)


def _filtered(kind: Callable[[Array, int], Array], noisy: Array, size: int) -> Array:
    # A window a pixel is much memory for all pictures at once.
    starts = range(0, len(noisy), CHUNK)
    return np.concatenate([_grey(kind(unit(noisy[s : s + CHUNK]), size)) for s in starts])


def _projected(components: Principal, noisy: Array, width: int) -> Array:
    rebuilt = components.rebuilt(unit(noisy).reshape(len(noisy), -1), width)
    return _grey(rebuilt.reshape(noisy.shape))


def _grey(values: Array) -> Array:
    return (255 * values).clip(0, 255).round().astype(np.uint8)
