"""How close generated images are to real ones, in the features of a named judge."""

import numpy as np

from repertoire.contract import Array, Arrays

NEIGHBOURS = 3  # Kynkäänniemi et al. 2019, section 3
COMPARED = 5000  # images of each kind at most: their pairs grow with the square
ROWS = 500  # of a matrix of distances at once


class Judge:
    """The perceptron that ``prepare`` trained; its last hidden layer is the feature space.

    Coloured images it judges whole if it was trained on such. If it knows grey ones, it judges each
    channel by itself: features lie side by side, and the classes of the channels are the digits of
    one number.
    """

    def __init__(self, arrays: Arrays) -> None:
        depth = len(arrays) // 2
        self.layers = [(arrays[f"weight_{d}"], arrays[f"bias_{d}"]) for d in range(depth)]

    def features(self, images: Array) -> Array:
        """ReLU units (images, channels * width) of the last hidden layer.

        ``images`` is uint8 (images, side, side) or (images, side, side, channels).
        """
        return self._hidden(images).reshape(len(images), -1)

    def classes(self, images: Array) -> Array:
        """The most probable class of each image; with channels, that of the first counts most."""
        weight, bias = self.layers[-1]
        found = (self._hidden(images) @ weight + bias).argmax(2)
        return found @ len(bias) ** np.arange(found.shape[1])[::-1]

    def _hidden(self, images: Array) -> Array:
        """(images, channels, width), one channel for images that are judged whole."""
        pixels = len(self.layers[0][0])
        parts = np.moveaxis(images.reshape(len(images), pixels, -1), 2, 1)
        hidden = parts.astype(np.float32) / np.float32(255)
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight + bias, 0)
        return hidden


def frechet_distance(first: Array, second: Array) -> float:
    """Fréchet distance of two Gaussians fitted to features (samples, width).

    Dowson and Landau 1982: |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½); used for generators
    by Heusel et al. 2017. In squared units of the features.
    """
    first, second = first.astype(np.float64), second.astype(np.float64)
    gap = first.mean(0) - second.mean(0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(np.atleast_2d(one))
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ np.atleast_2d(two) @ root)
    return float(
        gap @ gap + np.trace(np.atleast_2d(one + two)) - 2 * np.sqrt(np.clip(cross, 0, None)).sum()
    )


def class_coverage(classes: Array, count: int) -> dict[str, float]:
    """Classes with at least a tenth of their even share, and the divergence from even, in nats."""
    shares = np.bincount(classes, minlength=count) / len(classes)
    return {
        "classes_covered": float(np.sum(shares >= 0.1 / count)),
        "class_divergence_nats": _divergence_from_even(shares),
    }


def mode_coverage(modes: Array, count: int) -> dict[str, float]:
    """Modes that occur at all, and the divergence of their shares from even, in nats.

    The protocol of stacked digits (Metz et al. 2017, section 3.3; Srivastava et al. 2017). Even
    draws diverge too: with n of them by about (count - 1) / 2n.
    """
    shares = np.bincount(modes, minlength=count) / len(modes)
    return {
        "modes_covered": float(np.count_nonzero(shares)),
        "mode_divergence_nats": _divergence_from_even(shares),
    }


def _divergence_from_even(shares: Array) -> float:
    present = shares[shares > 0]
    return float(np.sum(present * np.log(present * len(shares))))


def precision_and_recall(generated: Array, real: Array) -> dict[str, float]:
    """How much of either set of features (samples, width) lies where the other one does.

    Kynkäänniemi et al. 2019, equations 1 and 2: a set covers the balls around its members that
    reach to their third neighbours. Precision is the share of generated samples that the real ones
    cover, recall that of real samples that the generated ones cover; ``COMPARED`` of each.
    """
    generated, real = generated[:COMPARED], real[:COMPARED]
    return {
        "sample_precision_percent": 100 * _covered_share(generated, real),
        "sample_recall_percent": 100 * _covered_share(real, generated),
    }


def _covered_share(samples: Array, others: Array) -> float:
    """Share of ``samples`` within the reach of one of the ``others``."""
    # The nearest neighbour of a member is itself.
    reach = np.concatenate(
        [
            np.partition(squared_distances(part, others), NEIGHBOURS, axis=1)[:, NEIGHBOURS]
            for part in _parts(others)
        ]
    )
    found = [(squared_distances(part, others) <= reach).any(1) for part in _parts(samples)]
    return float(np.concatenate(found).mean())


def _parts(rows: Array) -> list[Array]:
    return [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]


def squared_distances(first: Array, second: Array) -> Array:
    """Squared Euclidean distances (rows of the first, rows of the second)."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)
    return np.maximum(squares - 2 * first @ second.T, 0)
