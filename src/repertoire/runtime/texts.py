"""What tasks over texts share: reading them, and runs over rows of unequal length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from repertoire.runtime.errors import Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.signature import Array

TEXTS = 256  # in one request
ROWS = 32  # texts in one run


def read_texts(fields: Fields) -> list[str]:
    """The field `text`: a string or a list of them."""
    texts = fields.one_or_many("text", TEXTS)
    if not all(isinstance(text, str) for text in texts):
        raise Malformed("text is a string or a list of strings")
    return texts


def by_length(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Row numbers in groups of similar length, so that little of a run is padding."""
    order = sorted(range(len(rows)), key=lambda each: len(rows[each]))
    for start in range(0, len(order), ROWS):
        yield order[start : start + ROWS]


def padded_rows(rows: Sequence[Sequence[int]], pad: int) -> Array:
    """int64[rows, longest]."""
    padded = np.full((len(rows), max(map(len, rows))), pad, np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return padded
