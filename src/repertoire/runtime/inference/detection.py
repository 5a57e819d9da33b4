"""Detectors of what is unlike the normal."""

from __future__ import annotations

import numpy as np

from repertoire.runtime.inference.rows import over_rows
from repertoire.runtime.signature import Array, Arrays, Run


def detected(run: Run, given: Array, normal: Array, rows: int) -> Arrays:
    """score and decision (rows,), expected and error of the shape of what is given.

    `normal` int64 (rows,): the number of what counts as normal for each image, or row of a table.
    """
    name = run.graph("detect").inputs[0].name
    return over_rows(run, "detect", rows, **{name: given, "normal": normal})


def apart(images: Array, expected: Array) -> Array:
    """Grey levels between uint8 images, as such."""
    return np.abs(images.astype(np.int16) - expected).astype(np.uint8)
