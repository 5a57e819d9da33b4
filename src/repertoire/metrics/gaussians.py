"""Images drawn from Gaussians that are fitted to real ones: the simplest generators."""

import warnings
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array
from repertoire.metrics.generation import Judge, frechet_distance
from repertoire.metrics.principal import Principal

ITERATIONS = 15  # of EM: more of them change little


@dataclass(frozen=True)
class Generators:
    """``components`` of a mixture of Gaussians are candidates, its ``width`` is their space's."""

    components: tuple[Count, ...]
    width: Count


def gaussian_images(train: Array, count: int, seed: int) -> Array:
    """Draws from a Gaussian with the mean and covariance of the training pixels, as uint8."""
    flat = train.reshape(len(train), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    noise = np.random.default_rng(seed).standard_normal((count, flat.shape[1]))
    drawn = flat.mean(0) + (noise * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return _levels(drawn, train)


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
        flat = images.reshape(len(images), -1) / 255.0
        self.space, self.width = Principal(flat), min(width, flat.shape[1])
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
        flat = self.space.mean + codes @ self.space.directions[:, : self.width].T
        return _levels(255 * flat, self.train)


def best_mixture(
    config: Generators, train: Array, valid: Array, judge: Judge, seed: int
) -> tuple[GaussianMixture, int]:
    """The mixture whose draws are nearest to the validation images, as a net's epoch is chosen."""
    real = judge.features(valid)
    tried = [(GaussianMixture(train, n, config.width, seed), n) for n in config.components]

    def distance(candidate: tuple[GaussianMixture, int]) -> float:
        return frechet_distance(judge.features(candidate[0].images(len(train), seed)), real)

    return min(tried, key=distance)


def _levels(drawn: Array, like: Array) -> Array:
    return np.clip(drawn, 0, 255).astype(np.uint8).reshape(-1, *like.shape[1:])
