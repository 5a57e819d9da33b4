"""Principal components, decomposed once for every width."""

import numpy as np

from repertoire.contract import Array


class Principal:
    """Directions of the largest variance of rows (n, features), the largest first."""

    def __init__(self, rows: Array) -> None:
        self.mean = rows.mean(0)
        variances, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
        self.variances, self.directions = variances[::-1].clip(0), vectors[:, ::-1]

    def codes(self, rows: Array, width: int) -> Array:
        """Coordinates (n, width) of rows."""
        return (rows - self.mean) @ self.directions[:, :width]

    def rebuilt(self, rows: Array, width: int) -> Array:
        """Rows projected onto the first ``width`` components."""
        return self.mean + self.codes(rows, width) @ self.directions[:, :width].T

    def error(self, rows: Array, width: int) -> float:
        """Squared error a value after that projection."""
        return float(np.square(self.rebuilt(rows, width) - rows).mean())
