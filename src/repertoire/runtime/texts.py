"""What tasks over texts share: fields of their answers, and runs over rows of unequal length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypedDict

import numpy as np

from repertoire.runtime.schema import Many
from repertoire.runtime.signature import Array
from repertoire.runtime.text import Encoding

TEXTS = 256  # in one request
ROWS = 32  # texts in one run

Texts = Annotated[list[str], Many(TEXTS), "a text, or a list of them"]


class Read(TypedDict):
    """How much of a text the model knew."""

    input_tokens: Annotated[int, "tokens of the text"]
    unknown_tokens: Annotated[int, "those that are not in the model's vocabulary"]


def how_read(encoding: Encoding, ids: Sequence[int]) -> Read:
    """Of the ids of a text, without what is put before and after it."""
    return {
        "input_tokens": len(ids),
        "unknown_tokens": list[int | None](ids).count(encoding.unknown),
    }


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
