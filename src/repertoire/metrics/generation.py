"""How close generated images are to real ones, in the features of a named judge."""

import numpy as np

from repertoire.contract import Array, Arrays


class Judge:
    """The perceptron that ``prepare`` trained; its last hidden layer is the feature space."""

    def __init__(self, arrays: Arrays) -> None:
        depth = len(arrays) // 2
        self.layers = [(arrays[f"weight_{d}"], arrays[f"bias_{d}"]) for d in range(depth)]

    def features(self, images: Array) -> Array:
        """uint8 (images, side, side) -> ReLU units of the last hidden layer."""
        hidden = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight + bias, 0)
        return hidden

    def classes(self, images: Array) -> Array:
        """The most probable class of each image."""
        weight, bias = self.layers[-1]
        return (self.features(images) @ weight + bias).argmax(1)


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
    present = shares[shares > 0]
    return {
        "classes_covered": float(np.sum(shares >= 0.1 / count)),
        "class_divergence_nats": float(np.sum(present * np.log(present * count))),
    }
