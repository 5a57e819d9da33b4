"""Images drawn from Gaussians that are fitted to real ones: the simplest generators."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array
from repertoire.metrics.features import FeatureSpace
from repertoire.metrics.generation import frechet_distance
from repertoire.metrics.principal import EXACT, NUMBERS, Principal, pixel_rows

ITERATIONS = 15  # of EM: more of them change little


@dataclass(frozen=True)
class Generators:
    """``components`` of a mixture of Gaussians are candidates, its ``width`` is their space's."""

    components: tuple[Count, ...]
    width: Count


def gaussian_images(train: Array, count: int, seed: int) -> Array:
    """Draws from a Gaussian with the mean and covariance of the training pixels, as uint8.

    Of large images only the variances along the first principal components are kept; the rest is
    shared evenly by all directions (Tipping and Bishop 1999).
    """
    if train[:1].size > EXACT:
        return _levels(_low_rank_draws(Principal(pixel_rows(train)), count, seed), train)
    flat = train.reshape(len(train), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    noise = np.random.default_rng(seed).standard_normal((count, flat.shape[1]))
    drawn = flat.mean(0) + (noise * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return _levels(drawn, train)


def _low_rank_draws(components: Principal, count: int, seed: int) -> Array:
    rng, width = np.random.default_rng(seed), len(components.variances)
    values = len(components.mean)
    rest = max(0.0, components.total - components.variances.sum()) / (values - width)
    drawn = np.empty((count, values), np.float32)
    for row in range(count):  # float64 noise of all at once would be much memory
        codes = rng.standard_normal(width) * np.sqrt(np.maximum(components.variances - rest, 0))
        noise = rng.standard_normal(values, np.float32) * np.float32(np.sqrt(rest))
        drawn[row] = components.mean + components.directions @ codes + noise
    return np.multiply(drawn, 255, out=drawn)


def independent_images(train: Array, count: int, seed: int) -> Array:
    """Draws whose pixels have the training pixels' means and deviations, each by itself."""
    noise = np.random.default_rng(seed).standard_normal((count, *train.shape[1:]), np.float32)
    return _levels(train.mean(0) + noise * train.std(0), train)


class GaussianMixture:
    """Gaussians of full covariance in the space of the first ``width`` principal components.

    By EM from k-means++; ``images`` are uint8 (images, side, side). Richardson and Weiss 2018, "On
    GANs and GMMs", fit mixtures of few directions to images.
    """

    def __init__(self, images: Array, components: int, width: int, seed: int) -> None:
        # Imported late: only these baselines need them.
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Mixture

        self.train = images
        flat = pixel_rows(images)
        self.space, self.width = Principal(flat), min(width, flat.shape[1], len(flat) - 1)
        self.mixture = Mixture(
            components,
            reg_covar=1e-3,
            max_iter=ITERATIONS,
            init_params="k-means++",
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # iterations are few on purpose
            self.mixture.fit(self.space.codes(flat, self.width))

    def images(self, count: int, seed: int) -> Array:
        """Draws in a random order, as uint8."""
        rng = np.random.default_rng(seed)
        kinds = rng.choice(len(self.mixture.weights_), count, p=self.mixture.weights_)
        noise = rng.standard_normal((count, self.width))
        roots = np.linalg.cholesky(self.mixture.covariances_)
        codes = self.mixture.means_[kinds]
        for kind in np.unique(kinds):
            codes[kinds == kind] += noise[kinds == kind] @ roots[kind].T
        directions = self.space.directions[:, : self.width]
        flat = self.space.mean + codes.astype(directions.dtype) @ directions.T
        return _levels(255 * flat, self.train)


def best_mixture(
    config: Generators,
    train: Array,
    valid: Array,
    space: FeatureSpace,
    seed: int,
    distance: Callable[[Array, Array], float] = frechet_distance,
) -> tuple[GaussianMixture, int]:
    """The mixture whose draws are nearest to the validation images, as a net's epoch is chosen.

    ``distance`` is of features of drawn and of real images.
    """
    real = space.features(valid)
    tried = [(GaussianMixture(train, n, config.width, seed), n) for n in config.components]
    count = min(len(train), NUMBERS // train[:1].size)

    def from_valid(candidate: tuple[GaussianMixture, int]) -> float:
        return distance(space.features(candidate[0].images(count, seed)), real)

    return min(tried, key=from_valid)


def _levels(drawn: Array, like: Array) -> Array:
    return np.clip(drawn, 0, 255).astype(np.uint8).reshape(-1, *like.shape[1:])
