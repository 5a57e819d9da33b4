"""How a fast net compares with optimisation."""

import numpy as np

from repertoire.contract import Array


def matched_iterations(course: Array, loss: float) -> int:
    """The first iteration whose loss is as low; the last one known where none is, a lower bound.

    ``course``: the loss after 0, 1, … iterations.
    """
    reached = np.flatnonzero(course <= loss)
    return int(reached[0]) if reached.size else len(course) - 1
