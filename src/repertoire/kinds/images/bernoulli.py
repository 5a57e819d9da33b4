"""Likelihoods of black and white images without nets: mixtures and logistic regressions.

Images are float32 (images, side, side), 0 or 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from repertoire.config import Count, Natural, Positive
from repertoire.contract import Array, Arrays
from repertoire.metrics.uncertainty import Scores, mean_measurement

SMOOTHING = 0.1  # white and black pixels that each component has seen besides the training images
FORGETTING = 0.6  # exponent of the step sizes of stepwise EM
STRIDE = 13  # every so many pixels choose the penalty of all
STEPS, SMALL = 25, 1e-2  # of Newton's method at most; it ends at so small a step


@dataclass(frozen=True)
class Likelihoods:
    """Candidates: ``components`` and ``shifts`` of the mixture, ``penalties`` of the regressions.

    A shift of more than 0 shows the mixture images that are moved by so many pixels.
    """

    components: tuple[Count, ...]
    shifts: tuple[Natural, ...]
    iterations: Natural
    radius: Count
    penalties: tuple[Positive, ...]


class Mixture(NamedTuple):
    """``means`` (components, pixels) and ``shares`` (components,)."""

    means: Array
    shares: Array


def likelihoods(
    config: Likelihoods, images: Arrays, labels: Arrays, seed: int, of: str = ""
) -> Scores:
    """Nats per test image of each density, and what the validation images chose.

    ``images`` of train, valid and test. Where there are ``labels``, they are told: each class has
    its own mixture, all of which share the components out, and is a column of the regressions.
    ``of`` stands before the name of the metric: "drawn_nats".
    """
    classes = labels or {split: np.zeros(len(each), int) for split, each in images.items()}
    found = Scores()
    _add_mixture(found, config, images, classes, seed, of)
    _add_logistic(found, config, images, classes, of)
    if not labels:
        pixels = fitted_mixture(images["train"], 1, 1, 0, seed)
        found.measure(
            "bernoulli_pixels", mean_measurement(f"{of}nats", mixture_nats(pixels, images["test"]))
        )
    return found


def _add_mixture(
    found: Scores, config: Likelihoods, images: Arrays, labels: Arrays, seed: int, of: str
) -> None:
    known = {n: images["train"][labels["train"] == n] for n in np.unique(labels["train"]).tolist()}
    tried = {
        (components, shift): {
            label: fitted_mixture(
                own, max(1, components // len(known)), config.iterations, shift, seed
            )
            for label, own in known.items()
        }
        for components in config.components
        for shift in config.shifts
    }

    def nats(key: tuple[int, int], split: str) -> Array:
        return class_nats(tried[key], images[split], labels[split])

    best = min(tried, key=lambda key: nats(key, "valid").mean())
    found.measure("bernoulli_mixture", mean_measurement(f"{of}nats", nats(best, "test")))
    for setting, value in zip(("components", "shift"), best, strict=True):
        found[f"bernoulli_mixture_{of}{setting}"] = value


def class_nats(mixtures: Mapping[int, Mixture], images: Array, labels: Array) -> Array:
    """Negative log-likelihood of each image (images,) under the mixture of its label."""
    found = np.zeros(len(images))
    for label, mixture in mixtures.items():
        own = labels == label
        found[own] = mixture_nats(mixture, images[own])
    return found


def _add_logistic(
    found: Scores, config: Likelihoods, images: Arrays, labels: Arrays, of: str
) -> None:
    classes = np.unique(labels["train"])
    told = {
        split: (each[:, None] == classes[1:]).astype(np.float32) for split, each in labels.items()
    }

    def fitted(penalty: float, stride: int) -> LogisticPixels:
        return LogisticPixels(images["train"], told["train"], config.radius, penalty, stride)

    def asked(penalty: float) -> float:
        return float(fitted(penalty, STRIDE).nats(images["valid"], told["valid"]).mean())

    best = min(config.penalties, key=asked)
    nats = fitted(best, 1).nats(images["test"], told["test"])
    found.measure("logistic_pixels", mean_measurement(f"{of}nats", nats))
    found[f"logistic_pixels_{of}penalty"] = best


def moved(images: Array, largest: int, rng: np.random.Generator) -> Array:
    """Each image moved by up to ``largest`` pixels in all, across and down; filled with 0."""
    steps = range(-largest, largest + 1)
    ways = np.array([(y, x) for y in steps for x in steps if abs(y) + abs(x) <= largest])
    down, right = ways[rng.integers(0, len(ways), len(images))].T + largest
    padded = np.pad(images, ((0, 0), (largest, largest), (largest, largest)))
    side = images.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2))
    return windows[np.arange(len(images)), down, right]


def fitted_mixture(
    images: Array, components: int, iterations: int, shift: int, seed: int
) -> Mixture:
    """A mixture of independent Bernoulli pixels by EM.

    With ``shift`` each iteration sees the images moved anew, as nets do, and keeps a part of what
    it saw before (Cappé and Moulines 2009).
    """
    rng = np.random.default_rng(seed)
    flat = images.reshape(len(images), -1)
    # Each component starts from one image, smoothed towards the mean of all.
    starts = flat[rng.choice(len(flat), components, replace=False)]
    means = 0.5 * flat.mean(0) + 0.5 * starts if components > 1 else starts
    mixture = Mixture(np.clip(means, 1e-4, 1 - 1e-4), np.full(components, 1 / components))
    sums, mass = 0.0, 0.0
    for iteration in range(iterations):
        seen = moved(images, shift, rng).reshape(flat.shape) if shift else flat
        joint = _joint(seen, mixture)
        weight = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
        new = (iteration + 1) ** -FORGETTING if shift else 1.0
        sums = (1 - new) * sums + new * (weight.T @ seen)
        mass = (1 - new) * mass + new * weight.sum(0)
        means = (sums + SMOOTHING) / (mass[:, None] + 2 * SMOOTHING)
        mixture = Mixture(means, (mass + 1) / (mass + 1).sum())
    return mixture


def mixture_nats(mixture: Mixture, images: Array) -> Array:
    """Negative log-likelihood of each image (images,)."""
    joint = _joint(images.reshape(len(images), mixture.means.shape[1]), mixture)
    return -np.logaddexp.reduce(joint, axis=1).astype(np.float64)


def _joint(flat: Array, mixture: Mixture) -> Array:
    means = mixture.means.astype(np.float64)
    on, off = np.log(means), np.log1p(-means)
    bias = off.sum(1) + np.log(mixture.shares)
    return flat @ (on - off).T.astype(np.float32) + bias.astype(np.float32)


class LogisticPixels:
    """Each pixel by logistic regression on those before it that lie within ``radius``.

    Before it are the rows above and what is left in its row, so the product over pixels is an exact
    likelihood: a fully visible sigmoid belief network (Frey, Hinton and Dayan 1996) that looks at a
    neighbourhood. ``told`` (images, columns) is known besides, as the class is. ``penalty`` of the
    squared weights; every ``stride``-th pixel is fitted.
    """

    def __init__(
        self, images: Array, told: Array, radius: int, penalty: float, stride: int = 1
    ) -> None:
        self.radius = radius
        side = images.shape[1]
        self.places = [divmod(place, side) for place in range(0, side**2, stride)]
        padded = _padded(images, radius)
        self.weights = [
            _logistic(_before(padded, told, place, radius), images[:, *place], penalty)
            for place in self.places
        ]

    def nats(self, images: Array, told: Array) -> Array:
        """Negative log-likelihood of the fitted pixels of each image (images,)."""
        padded, total = _padded(images, self.radius), np.zeros(len(images))
        for place, weight in zip(self.places, self.weights, strict=True):
            logits = _before(padded, told, place, self.radius) @ weight
            losses = np.logaddexp(0, logits) - images[:, *place] * logits
            total += losses
        return total


def _padded(images: Array, radius: int) -> Array:
    return np.pad(images, ((0, 0), (radius, 0), (radius, radius)))


def _before(padded: Array, told: Array, place: tuple[int, int], radius: int) -> Array:
    """A column of ones, the pixels before ``place``, and what is told."""
    row, column = place
    above = padded[:, row : row + radius, column : column + 2 * radius + 1]
    left = padded[:, row + radius, column : column + radius]
    ones = np.ones((len(padded), 1), np.float32)
    return np.concatenate((ones, above.reshape(len(padded), -1), left, told), axis=1)


def _logistic(columns: Array, targets: Array, penalty: float) -> Array:
    """Weights (columns,) by Newton's method; the first, of ones, costs next to nothing."""
    weight = np.zeros(columns.shape[1], np.float32)
    held = np.full_like(weight, penalty)
    held[0] = 0.01 * penalty
    share = (targets.sum() + SMOOTHING) / (len(targets) + 2 * SMOOTHING)
    if targets.min() == targets.max():
        weight[0] = np.log(share / (1 - share))
        return weight
    for _ in range(STEPS):
        chance = 0.5 + 0.5 * np.tanh(0.5 * (columns @ weight))
        slope = columns.T @ (chance - targets) + held * weight
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns
        step = np.linalg.solve(curvature + np.diag(held), slope)
        weight -= step
        if np.abs(step).max() < SMALL:
            break
    return weight
