"""Images without nets: Bernoulli pixels and mixtures, principal components, Gaussian pixels.

Nats and ``pca_*_mse`` are of pixels binarised at half intensity, what is called grey of their
levels between 0 and 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from repertoire.baselines.denoising import NAMES as DENOISING_NAMES
from repertoire.baselines.denoising import filter_gains, linear_gains
from repertoire.config import Count, Natural, Positive, Seed
from repertoire.contract import Array, Data
from repertoire.data.binarisation import drawn_once
from repertoire.metrics.classification import linear_probe
from repertoire.metrics.generation import Judge, frechet_distance, precision_and_recall
from repertoire.metrics.pictures import psnr_db, unit
from repertoire.metrics.principal import Principal

NAMES = (  # patterns of the metrics that a gate may name
    "((class|drawn)_)?bernoulli_(mixture|pixels)_nats",
    *DENOISING_NAMES,
    "(gaussian_pixels|real_halves|real_train)_frechet_distance",
    "(gaussian_pixels|real_train)_sample_(precision|recall)_percent",
    r"pca_\d+_(grey_mse|mse|psnr_db|probe_accuracy_percent)",
    "real_label_agreement_percent",
)


@dataclass(frozen=True)
class Config:
    """``components`` of the Bernoulli mixture; ``widths`` of the principal component codes.

    ``corruption`` is what must be undone, that of ``repertoire.data.corruption``; ``penalties`` are
    those of linear maps that do, among which validation chooses.
    """

    components: Count
    iterations: Natural
    widths: tuple[Count, ...]
    seed: Seed
    corruption: Mapping[str, float]
    penalties: tuple[Positive, ...]


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
        splits = [a["images"] for a in (train, data.arrays("valid"), other)]
        result |= filter_gains(components, config.corruption, *splits[1:])
        result |= linear_gains(config.corruption, config.penalties, config.seed, *splits)
    return result


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
