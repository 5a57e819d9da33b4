"""Columns of anybody's tables as values for a net: standardised numbers, categories one-hot.

What is known of a column is learned from normal training rows alone and travels in the manifest, so
that a client sends a row as it stands in its file.

- A number is standardised and cut at ``LIMIT`` deviations: what lies beyond is as new. Where none
  is given, its median stands for it; if training rows lack it too, a second value tells so.
- A category has a value of 1 at its place; what training does not know is 1 at the last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.contract import Array

LIMIT = 20.0  # deviations
TINY = 1e-9  # of the mean: a smaller deviation is rounding, and the column constant
OTHER = "other"
Column = Mapping[str, Any]
Cell = float | str | None


def learned(numbers: Sequence[str], categories: Mapping[str, Sequence[str]], known: Array) -> Any:
    """A description a column of the normal rows ``known`` float (rows, columns), numbers first.

    Missing cells are NaN; a category's cell is its place among the names.
    """
    described: list[dict[str, Any]] = []
    for place, name in enumerate(numbers):
        described.append({"name": name, "kind": "number", **_standard(known[:, place])})
    for place, (name, values) in enumerate(categories.items(), len(numbers)):
        counts = np.bincount(_places(known[:, place]), minlength=len(values) + 1)
        used = [value for value, count in zip(values, counts, strict=False) if count]
        described.append({"name": name, "kind": "category", "values": used})
    return described


def _standard(cells: Array) -> dict[str, Any]:
    given = cells[~np.isnan(cells)]
    median = float(np.median(given)) if len(given) else 0.0
    filled = np.where(np.isnan(cells), median, cells)
    center, scale = float(filled.mean()), float(filled.std())
    if not scale > TINY * abs(center):
        scale = abs(center) or 1.0
    told = len(given) < len(cells)
    return {"median": median, "center": center, "scale": scale, "indicator": told}


def _places(cells: Array) -> Array:
    """Places of categories; that of a missing one is the last."""
    return np.where(np.isnan(cells), -1, cells).astype(np.int64)[cells >= 0]


def value_names(columns: Sequence[Column]) -> list[str]:
    """The name of each value that columns become."""
    found: list[str] = []
    for column in columns:
        name = column["name"]
        if column["kind"] == "number":
            found += [name, f"{name} missing"] if column["indicator"] else [name]
        else:
            found += [f"{name}={value}" for value in (*column["values"], OTHER)]
    return found


def encoded(
    columns: Sequence[Column], categories: Mapping[str, Sequence[str]], cells: Array
) -> Array:
    """cells float (rows, columns) -> float32 (rows, values)."""
    parts: list[Array] = []
    for place, column in enumerate(columns):
        own = cells[:, place]
        if column["kind"] == "number":
            filled = np.where(np.isnan(own), column["median"], own)
            standard = (filled - column["center"]) / column["scale"]
            parts.append(np.clip(standard, -LIMIT, LIMIT))
            if column["indicator"]:
                parts.append(np.isnan(own))
        else:
            parts += list(_one_hot(column["values"], categories[column["name"]], own))
    return np.stack(parts, 1).astype(np.float32)


def _one_hot(used: Sequence[str], names: Sequence[str], cells: Array) -> Array:
    """(values, rows): 1 where a row has the value; a missing cell is none of them."""
    places = np.array([used.index(n) if n in used else len(used) for n in names] + [-1])
    own = places[np.where(np.isnan(cells), len(names), cells).astype(np.int64)]
    return own == np.arange(len(used) + 1)[:, None]


def decoded(columns: Sequence[Column], values: Array) -> dict[str, Cell]:
    """values float (values,) -> cells by column: five digits of numbers, names, None if missing."""
    found: dict[str, Cell] = {}
    start = 0
    for column, width in zip(columns, widths(columns), strict=True):
        own = values[start : start + width]
        start += width
        if column["kind"] == "number":
            lacks = column["indicator"] and own[1] > 0.5
            number = float(f"{float(own[0]) * column['scale'] + column['center']:.5g}")
            found[column["name"]] = None if lacks else number
        else:
            best = int(np.argmax(own))
            found[column["name"]] = (*column["values"], OTHER)[best] if own.max() > 0.5 else None
    return found


def by_column(columns: Sequence[Column], values: Array) -> Array:
    """Sums (columns,) of what belongs to the values of each column."""
    starts = np.cumsum([0, *widths(columns)[:-1]])
    return np.add.reduceat(values, starts)


def widths(columns: Sequence[Column]) -> list[int]:
    """How many values each column becomes."""
    return [
        1 + column["indicator"] if column["kind"] == "number" else len(column["values"]) + 1
        for column in columns
    ]
