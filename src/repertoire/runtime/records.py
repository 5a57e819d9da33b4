"""Rows of tables, by the names of their columns, and the values that a graph takes.

Of somebody's table the manifest describes each column: a number with its median, center and scale,
or a category with its values. Cells may be numbers, or texts as the table's files have them
("1,234.5", "12 %", ""). Of other tables it names columns alone, and cells are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime.cells import is_missing
from repertoire.runtime.cells import number as number_of
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.schema import shown
from repertoire.runtime.signature import Array
from repertoire.runtime.spelling import Names

OTHER = "other"
LARGEST = float(np.finfo(np.float32).max)
Encoding = Mapping[str, Any]
Cell = float | str | None


class Judged(TypedDict):
    """A cell beside what a model expects in its place."""

    value: Annotated[float | str | None, "the cell"]
    expected: Annotated[float | str | None, "what the model gives back for it"]
    error: Annotated[float, "a part of the score"]


def is_table(encoding: Encoding) -> bool:
    """Whether it is somebody's, with cells as its files have them."""
    return encoding.get("kind") == "table"


def read(rows: Sequence[Any], encoding: Encoding) -> tuple[list[dict[str, Cell]], Array]:
    """Cells by column as they were understood, and float32[rows, values] for the graph.

    A row is an object by names of columns, in which absent columns count as missing, or a list in
    their order. Raises Malformed and InvalidInput.
    """
    columns, decimal = encoding["columns"], encoding["decimal"]
    found = []
    for place, row in enumerate(rows):
        path = f"rows[{place}]"
        named = _named(row, [column["name"] for column in columns], path)
        found.append({c["name"]: _cell(named.get(c["name"]), c, decimal, path) for c in columns})
    return found, np.stack([_values(each, encoding) for each in found])


def read_numbers(
    rows: Sequence[Any], columns: Sequence[str], width: int
) -> tuple[list[dict[str, Cell]], Array]:
    """Numbers by column, and float32[rows, width], noughts behind those of the columns.

    Raises Malformed and InvalidInput.
    """
    found, values = [], np.zeros((len(rows), width), np.float32)
    for place, row in enumerate(rows):
        path = f"rows[{place}]"
        named = _named(row, columns, path)
        cells = {name: _finite(named.get(name), f"{path}, {name},") for name in columns}
        values[place, : len(columns)] = list(cells.values())
        found.append(dict[str, Cell](cells))
    return found, values


def _named(row: Any, names: Sequence[str], path: str) -> Mapping[str, Any]:
    """The cells of a row by the names of columns; others are left out of account."""
    if isinstance(row, list):
        if len(row) != len(names):
            listed = ", ".join(names)
            raise InvalidInput(f"{path} has {len(row)} cells; send {len(names)}: {listed}")
        return dict(zip(names, row, strict=True))
    known = Names.of(names)
    given: dict[str, Any] = {}
    for name, cell in row.items():
        place = known.find(str(name))
        if place is not None and (names[place] not in given or name in names):
            given[names[place]] = cell  # of two that are alike the one that is spelled so
    if not given:
        raise InvalidInput(f"{path} has none of the model's columns: {', '.join(names)}")
    return given


def _finite(given: Any, what: str) -> float:
    """A number that float32 can hold."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Malformed(f"{what} is {shown(given)}; send a number")
    try:
        number = float(given)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not abs(number) <= LARGEST:
        raise InvalidInput(f"{what} is {shown(given)}, beyond float32; send a finite number")
    return number


def _cell(given: Any, column: Mapping[str, Any], decimal: str, path: str) -> Cell:
    what = f"{path}, {column['name']},"
    if isinstance(given, list | dict):
        raise Malformed(f"{what} is {shown(given)}; send a number or a text")
    if given is None or is_missing(str(given)):
        return None
    if column["kind"] == "number":
        number = given if isinstance(given, int | float) else number_of(str(given), decimal)
        try:
            value = float("nan") if number is None else float(number)
        except OverflowError:  # a whole number of hundreds of digits
            value = float("inf")
        if not math.isfinite(value):
            raise InvalidInput(f"{what} is {shown(given)}; send a finite number")
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


def judged(
    cells: Mapping[str, Cell], expected: Array, error: Array, encoding: Encoding
) -> dict[str, Judged]:
    """By column its value, what the model expected of it, and its part in the score."""
    if not is_table(encoding):
        triples = zip(cells.items(), expected.tolist(), error.tolist(), strict=False)
        return {name: {"value": v, "expected": x, "error": e} for (name, v), x, e in triples}
    found: dict[str, Judged] = {}
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
