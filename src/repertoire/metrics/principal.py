"""Principal components, decomposed once for every width."""

import numpy as np

from repertoire.contract import Array

EXACT = 1024  # values of a row up to which every component is computed
LARGEST = 128  # components of longer rows
NUMBERS = 2**26  # values of all rows together, of which components are computed


class Principal:
    """Directions of the largest variance of rows (n, features), the largest first.

    All of them for rows of up to ``EXACT`` values; of longer ones the first ``LARGEST``, by a
    randomised decomposition (Halko et al. 2011). ``total`` is the variance in all directions.
    """

    def __init__(self, rows: Array) -> None:
        self.mean = rows.mean(0)
        if rows.shape[1] <= EXACT:
            variances, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
            self.variances, self.directions = variances[::-1].clip(0), vectors[:, ::-1]
            self.total = float(self.variances.sum())
            return
        # Imported late: small images do without.
        from sklearn.utils.extmath import randomized_svd

        centred = rows - self.mean
        width = min(LARGEST, len(rows) - 1)
        _, scales, directions = randomized_svd(centred, width, random_state=0)
        self.variances = scales.astype(np.float64) ** 2 / (len(rows) - 1)
        self.directions = directions.T
        self.total = float(np.square(centred, dtype=np.float64).sum() / (len(rows) - 1))

    def codes(self, rows: Array, width: int) -> Array:
        """Coordinates (n, width) of rows."""
        return (rows - self.mean) @ self.directions[:, :width]

    def rebuilt(self, rows: Array, width: int) -> Array:
        """Rows projected onto the first ``width`` components."""
        return self.mean + self.codes(rows, width) @ self.directions[:, :width].T

    def errors(self, rows: Array, width: int) -> Array:
        """Squared error a value of each row (n,) after that projection."""
        return np.square(self.rebuilt(rows, width) - rows).mean(1).astype(np.float64)


def pixel_rows(images: Array) -> Array:
    """uint8 images as rows (n, values of an image) from 0 to 1, evenly chosen where too many.

    float64 for small images, float32 for those of more than ``EXACT`` values.
    """
    values = images[:1].size
    some = max(2, NUMBERS // values)
    if len(images) > some:
        images = images[np.linspace(0, len(images) - 1, some).round().astype(int)]
    rows = images.reshape(len(images), -1)
    if values <= EXACT:
        return rows.astype(np.float64) / 255
    return rows.astype(np.float32) / np.float32(255)
