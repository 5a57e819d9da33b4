"""In which space generated images are compared with real ones, as the data set decided.

``classes``: the hidden units of a classifier of the images' own classes. ``rotations``: those of a
classifier of the quarter turns of the images (Gidaris et al. 2018), which needs no classes.
``pixels``: principal components of the training pixels, where neither classifier is better than a
guess. There the Fréchet distance says nothing, because a Gaussian of the pixels has the least by
construction, and coverage alone is measured.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from repertoire.contract import Array, Arrays, Data
from repertoire.metrics.generation import AT_ONCE, EvaluationClassifier

FEATURES = ("classes", "rotations", "pixels")
PIXELS = "pixel_components"  # the name of these arrays of a data set


class FeatureSpace(Protocol):
    """Anything that maps images to features."""

    def features(self, images: Array) -> Array:
        """uint8 (images, …) to features (images, width)."""
        ...


class PixelComponents:
    """Coordinates along principal components of the training pixels, white being 1."""

    def __init__(self, arrays: Arrays) -> None:
        self.mean, self.directions = arrays["mean"], arrays["directions"]

    def features(self, images: Array) -> Array:
        """uint8 images (images, …) to coordinates (images, width)."""
        some = max(1, AT_ONCE // len(self.mean))
        parts = [images[start : start + some] for start in range(0, len(images), some)]
        rows = (part.reshape(len(part), -1).astype(np.float32) / np.float32(255) for part in parts)
        return np.concatenate([(row - self.mean) @ self.directions for row in rows])


def kind_of_features(facts: Mapping[str, Any]) -> str:
    """One of ``FEATURES``; data sets of classes alone do not say it."""
    return facts.get("features", "classes")


def feature_space(data: Data) -> FeatureSpace:
    """The space in which images of these data are compared."""
    if kind_of_features(data.facts) == "pixels":
        return PixelComponents(data.arrays(PIXELS))
    return EvaluationClassifier(data.arrays("classifier"))
