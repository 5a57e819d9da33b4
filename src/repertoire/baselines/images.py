"""Images without nets: Bernoulli pixels and mixtures, principal components, Gaussian pixels.

Nats and ``pca_*_mse`` are of pixels binarised at half intensity, what is called grey of their
levels between 0 and 1.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array, Data
from repertoire.data.binarisation import drawn_once
from repertoire.data.corruption import corrupted
from repertoire.metrics import filters
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.generation import Judge, frechet_distance, precision_and_recall
from repertoire.metrics.pictures import denoising_gains, psnr_db, squared_errors, unit
from repertoire.metrics.principal import Principal

NAMES = (  # patterns of the metrics that a gate may name
    "((class|drawn)_)?bernoulli_(mixture|pixels)_nats",
    r"(best_filter|median|pca|wiener)_\w+_gain_db",
    "(gaussian_pixels|real_halves|real_train)_frechet_distance",
    "(gaussian_pixels|real_train)_sample_(precision|recall)_percent",
    r"pca_\d+_(grey_mse|mse|psnr_db|probe_accuracy_percent)",
    "real_label_agreement_percent",
)
FILTERS = ("median", "wiener", "pca")
SIZES = (3, 5, 7)  # of a filter's window, pixels a side
SHARES = (0.01, 0.02, 0.04, 0.08, 0.16)  # of the components that a projection keeps
CHUNK = 250  # pictures that are filtered at once


@dataclass(frozen=True)
class Config:
    """``components`` of the Bernoulli mixture; ``widths`` of the principal component codes.

    ``corruption`` is what filters must undo, that of ``repertoire.data.corruption``.
    """

    components: Count
    iterations: Natural
    widths: tuple[Count, ...]
    seed: Seed
    corruption: Mapping[str, float]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Nats of the binarised test images, reconstruction error, likeness to the judge."""
    train, test = data.arrays("train")["images"], data.arrays("test")["images"]
    seen, unseen = ((x.reshape(len(x), -1) >= 128).astype(np.float64) for x in (train, test))
    result = {
        "bernoulli_pixels_nats": mixture_nats(seen, unseen, 1, 1, config.seed),
        "bernoulli_mixture_nats": mixture_nats(
            seen, unseen, config.components, config.iterations, config.seed
        ),
    }
    components = Principal(seen)
    for width in config.widths:
        result[f"pca_{width}_mse"] = components.error(unseen, width)
    result["drawn_bernoulli_mixture_nats"] = drawn_mixture_nats(config, train, test)
    labels = {split: data.arrays(split)["labels"] for split in ("train", "test")}
    result["class_bernoulli_mixture_nats"] = class_mixture_nats(
        config, (seen, labels["train"]), (unseen, labels["test"])
    )
    judge = Judge(data.arrays("judge"))
    agreed = judge.classes(test) == labels["test"]
    result["real_label_agreement_percent"] = float(100 * agreed.mean())
    real, half = judge.features(test), len(train) // 2
    rivals = {
        "gaussian_pixels": gaussian_images(train, len(test), config.seed),
        "real_train": train[: len(test)],
    }
    for name, images in rivals.items():
        features = judge.features(images)
        found = precision_and_recall(features, real)
        found["frechet_distance"] = frechet_distance(features, real)
        result |= {f"{name}_{key}": value for key, value in found.items()}
    result["real_halves_frechet_distance"] = frechet_distance(
        judge.features(train[:half][: len(test)]), judge.features(train[half:][: len(test)])
    )
    return result | grey_baselines(config, data)


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


def mixture_nats(train: Array, test: Array, components: int, iterations: int, seed: int) -> float:
    """Mean negative log-likelihood a test image under a mixture of Bernoulli pixels, by EM."""
    rng = np.random.default_rng(seed)
    # Each component starts from one image, smoothed towards the mean of all.
    starts = train[rng.choice(len(train), components, replace=False)]
    means = 0.5 * train.mean(0) + 0.5 * starts if components > 1 else starts
    shares = np.full(components, 1 / components)
    for _ in range(iterations):
        joint = _joint(train, means, shares)
        weight = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
        mass = weight.sum(0)
        # One pseudo-image of half ink keeps unseen pixels possible.
        means = (weight.T @ train + 0.5) / (mass[:, None] + 1)
        shares = (mass + 1) / (mass + 1).sum()
    return float(-np.logaddexp.reduce(_joint(test, means, shares), axis=1).mean())


def drawn_mixture_nats(config: Config, train: Array, test: Array) -> float:
    """The mixture of pixels that are drawn with the chance of their grey level, once a split."""
    pairs = ((train, "train"), (test, "test"))
    seen, unseen = (drawn_once(x, s).reshape(len(x), -1) / 255.0 for x, s in pairs)
    return mixture_nats(seen, unseen, config.components, config.iterations, config.seed)


def class_mixture_nats(
    config: Config, train: tuple[Array, Array], test: tuple[Array, Array]
) -> float:
    """Mean negative log-likelihood a test image given its label: each class has its own mixture.

    The components are shared out among the classes, at least one each.
    """
    (seen, known), (unseen, labels) = train, test
    classes = np.unique(labels)
    components = max(1, config.components // len(classes))
    total = 0.0
    for label in classes:
        own = unseen[labels == label]
        nats = mixture_nats(seen[known == label], own, components, config.iterations, config.seed)
        total += nats * len(own)
    return total / len(unseen)


def _joint(images: Array, means: Array, shares: Array) -> Array:
    clipped = np.clip(means, 1e-4, 1 - 1e-4)
    on, off = np.log(clipped), np.log1p(-clipped)
    return images @ (on - off).T + off.sum(1) + np.log(shares)


def gaussian_images(train: Array, count: int, seed: int) -> Array:
    """Draws from a Gaussian with the mean and covariance of the training pixels, as uint8."""
    flat = train.reshape(len(train), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    noise = np.random.default_rng(seed).standard_normal((count, flat.shape[1]))
    drawn = flat.mean(0) + (noise * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return np.clip(drawn, 0, 255).astype(np.uint8).reshape(count, *train.shape[1:])
