"""A feature space that needs no classes: principal components of the training pixels.

The Fréchet distance there compares means and covariances of projected pixels. It tells collections
of images apart, and says nothing of what the images show. A map or a generator that is fitted to
exactly these moments is as near as real images by construction: it must not be a rival there.
"""

import numpy as np

from repertoire.contract import Array, Arrays

FITTED = 5000  # images to which components are fitted at most: more change them little
NAME = "principal_frechet_distance"  # of the metric in this space


def principal_components(images: Array, count: int) -> tuple[Arrays, float]:
    """The first ``count`` components of uint8 images (n, …), and their share of the variance.

    Of fewer images, or fewer pixels, there are fewer components. Pixels are scaled to a white of 1.
    """
    # Imported late: only ``prepare`` fits components.
    from sklearn.decomposition import PCA

    places = np.linspace(0, len(images) - 1, min(len(images), FITTED)).round().astype(int)
    flat = images[places].reshape(len(places), -1).astype(np.float32) / 255
    fitted = PCA(min(count, *flat.shape), random_state=0).fit(flat)
    share = float(np.nan_to_num(fitted.explained_variance_ratio_).sum())
    arrays = {
        "mean": fitted.mean_.astype(np.float32),
        "directions": np.ascontiguousarray(fitted.components_.T, np.float32),
    }
    return arrays, round(share, 4)


class PrincipalSpace:
    """Images as their coordinates in the components that ``principal_components`` found."""

    def __init__(self, arrays: Arrays) -> None:
        self.mean, self.directions = arrays["mean"], arrays["directions"]

    def features(self, images: Array) -> Array:
        """float32 (images, components) of uint8 (images, side, side[, channels])."""
        flat = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        return (flat - self.mean) @ self.directions
