"""Images without nets: Bernoulli pixels and mixtures, principal components, Gaussian pixels."""

from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array, Data
from repertoire.metrics.generation import Judge, frechet_distance, precision_and_recall


@dataclass(frozen=True)
class Config:
    """``components`` of the Bernoulli mixture; ``widths`` of the principal component codes."""

    components: int
    iterations: int
    widths: tuple[int, ...]
    seed: int


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
    for width in config.widths:
        result[f"pca_{width}_mse"] = pca_error(seen, unseen, width)
    judge = Judge(data.arrays("judge"))
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


def _joint(images: Array, means: Array, shares: Array) -> Array:
    clipped = np.clip(means, 1e-4, 1 - 1e-4)
    on, off = np.log(clipped), np.log1p(-clipped)
    return images @ (on - off).T + off.sum(1) + np.log(shares)


def pca_error(train: Array, test: Array, width: int) -> float:
    """Squared error a pixel after projection onto the first ``width`` principal components."""
    mean = train.mean(0)
    _, vectors = np.linalg.eigh(np.cov(train - mean, rowvar=False))
    basis = vectors[:, -width:]
    rebuilt = mean + (test - mean) @ basis @ basis.T
    return float(((rebuilt - test) ** 2).mean())


def gaussian_images(train: Array, count: int, seed: int) -> Array:
    """Draws from a Gaussian with the mean and covariance of the training pixels, as uint8."""
    flat = train.reshape(len(train), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    noise = np.random.default_rng(seed).standard_normal((count, flat.shape[1]))
    drawn = flat.mean(0) + (noise * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return np.clip(drawn, 0, 255).astype(np.uint8).reshape(count, *train.shape[1:])
