"""Rows of somebody's table, by the names of its columns, and the values that a graph takes.

The manifest describes each column: a number with its median, center and scale, or a category with
its values. Cells may be numbers, or texts as the table's files have them ("1,234.5", "12 %", "").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.runtime.cells import is_missing
from repertoire.runtime.cells import number as number_of
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import Array

OTHER = "other"
Encoding = Mapping[str, Any]
Cell = float | str | None


def read(rows: Sequence[Any], encoding: Encoding) -> tuple[list[dict[str, Cell]], Array]:
    """Cells by column as they were understood, and float32[rows, values] for the graph.

    A row is an object by names of columns, in which absent columns count as missing, or a list in
    their order. Raises Malformed and InvalidInput.
    """
    cells = [_cells(row, encoding) for row in rows]
    return cells, np.stack([_values(each, encoding) for each in cells])


def _cells(row: Any, encoding: Encoding) -> dict[str, Cell]:
    columns = encoding["columns"]
    names = [column["name"] for column in columns]
    if isinstance(row, list):
        if len(row) != len(names):
            raise InvalidInput(
                f"the row has {len(row)} cells; send {len(names)}: {', '.join(names)}"
            )
        row = dict(zip(names, row, strict=True))
    if not isinstance(row, dict):
        raise Malformed("a row is an object by the names of columns, or a list of cells")
    if not row.keys() & set(names):
        raise InvalidInput(f"the row has none of the model's columns: {', '.join(names)}")
    return {c["name"]: _cell(row.get(c["name"]), c, encoding["decimal"]) for c in columns}


def _cell(given: Any, column: Mapping[str, Any], decimal: str) -> Cell:
    if isinstance(given, list | dict):
        raise Malformed(f"{column['name']} holds a {type(given).__name__}; send a number or a text")
    if given is None or is_missing(str(given)):
        return None
    if column["kind"] == "number":
        number = given if isinstance(given, int | float) else number_of(str(given), decimal)
        try:
            value = float("nan") if number is None else float(number)
        except OverflowError:  # a whole number of hundreds of digits
            value = float("inf")
        if not math.isfinite(value):
            raise InvalidInput(f"{column['name']} is {given!r}; send a finite number")
        return value
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return str(given).strip()


def _values(cells: Mapping[str, Cell], encoding: Encoding) -> Array:
    found: list[float] = []
    for column in encoding["columns"]:
        cell = cells[column["name"]]
        if column["kind"] == "number":
            number = column["median"] if cell is None else float(cell)
            standard = (number - column["center"]) / column["scale"]
            found.append(min(encoding["limit"], max(-encoding["limit"], standard)))
            if column["indicator"]:
                found.append(cell is None)
        else:
            known = column["values"]
            place = known.index(cell) if cell in known else len(known)
            found += [cell is not None and n == place for n in range(len(known) + 1)]
    return np.array(found, np.float32)


def told(
    cells: Mapping[str, Cell], expected: Array, error: Array, encoding: Encoding
) -> dict[str, dict[str, Any]]:
    """By column its value, what the model expected of it, and its part in the score."""
    found: dict[str, dict[str, Any]] = {}
    start = 0
    for column in encoding["columns"]:
        number = column["kind"] == "number"
        width = 1 + column["indicator"] if number else len(column["values"]) + 1
        own = expected[start : start + width]
        if number:
            likely: Cell = float(own[0]) * column["scale"] + column["center"]
        else:
            likely = [*column["values"], OTHER][int(np.argmax(own))]
        part = float(error[start : start + width].sum())
        start += width
        value = cells[column["name"]]
        found[column["name"]] = {"value": value, "expected": likely, "error": part}
    return found
