"""Rows as MLflow hands them over, as a task takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.runtime.errors import Malformed
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Field, fields_of
from repertoire.runtime.task import Task

PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Asked:
    """One row: what it gives to the `field` that a batch fills, None if nothing, and the others.

    Rows that are `alike` may be asked together.
    """

    place: int
    field: str
    given: Any
    fields: Mapping[str, Any]
    alike: str


def rows_of(data: Any, model: Model, task: Task, settings: Mapping[str, Any]) -> list[Asked]:
    """Rows of a table, or of a list of mappings; what is missing in one is left out of it.

    Raises Malformed.
    """
    if isinstance(data, pd.DataFrame):
        if data.columns.empty:  # MLflow drops those that no task has
            known = ", ".join(task.request_schema(model)["properties"])
            raise Malformed(
                f"no column of the input is a field of {task.name!r}; known are {known}"
            )
        data = data.to_dict("records")
    if isinstance(data, Mapping):
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
        raise Malformed(f"the input is no table and no list of objects; send rows with {task.rows}")
    return [_asked(place, row, model, task, settings) for place, row in enumerate(data)]


def _asked(
    place: int, row: Mapping[str, Any], model: Model, task: Task, settings: Mapping[str, Any]
) -> Asked:
    known = fields_of(task.request)
    held = {str(name): value for name, value in row.items() if not _is_missing(value)}
    fields = {n: _read(v, known[n]) if n in known else _python(v) for n, v in held.items()}
    fields = _with_cells(fields, model, task, settings)
    field = next((n for n in (task.rows, *task.others.values()) if n in fields), task.rows)
    given = fields.pop(field, None)
    together = task.many and given is not None
    together = together and all(isinstance(value, PLAIN) for value in fields.values())
    alike = json.dumps([field, fields], sort_keys=True) if together else str(place)
    return Asked(place, field, given, fields, alike)


def _with_cells(
    fields: dict[str, Any], model: Model, task: Task, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Columns of the table that a model knows, as the one field that they fill.

    Raises Malformed, InvalidInput where the other fields do not say which columns it knows.
    """
    if not task.columns or task.columns.field in fields or fields.keys() <= _names(task):
        return fields
    listed = set(task.columns.names(model, {**settings, **fields})) - _names(task)
    cells = {name: value for name, value in fields.items() if name in listed}
    others = {name: value for name, value in fields.items() if name not in listed}
    return {**others, task.columns.field: cells} if cells else fields


def _names(task: Task) -> set[str]:
    return set(fields_of(task.request))


def _is_missing(value: Any) -> bool:
    """Whether a cell holds nothing; a table has NaN where a row lacks a column."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _read(value: Any, field: Field) -> Any:
    """A cell; what is spelled in JSON, as a CSV file has numbers and lists, is read."""
    fits = field.shape.fits
    value = _python(value)
    if not fits(value):
        value = _python(value, images=False)
    is_list = isinstance(value, str) and value.startswith("[") and "base64" in str(field.schema)
    if isinstance(value, str) and (is_list or not fits(value)):
        try:
            return json.loads(value)
        except ValueError:
            return value  # the task says what it takes
    return value


def _python(value: Any, images: bool = True) -> Any:
    """A value as a request holds it: arrays are lists, but for those that may be `images`."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if not images or value.dtype != np.uint8:
            value = value.tolist()
        elif value.ndim == 4 or (value.ndim == 3 and value.shape[2] != 3):
            value = list(value)
    if isinstance(value, list | tuple):
        return [_python(each, images) for each in value]
    return value
