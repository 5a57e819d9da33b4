"""Cells of Arrow as Python and JSON have them, one by one, for one of them may be bad."""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class Unreadable(Exception):
    """A value that Arrow holds and Python cannot have."""


def flat(column: pa.Array) -> pa.Array:
    """The column without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def decoded(kind: pa.DataType) -> pa.DataType:
    """The type of a column once it is ``flat``."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def value(cell: pa.Scalar) -> Any:
    """What JSON can spell, or bytes. Raises Unreadable."""
    try:
        return _plain(cell.as_py())
    except Exception as error:  # kinds without a common base
        raise Unreadable(" ".join(str(error).split())) from error


def json(value: object) -> bytes:
    """A line's content. Raises TypeError for what JSON cannot spell."""
    return orjson.dumps(value, _spelled, _OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if value and set(map(type, value)) <= {int, float, str}:  # as the pixels of an image
            return value
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    return _spelled(value)


def _spelled(value: Any) -> Any:
    """What a column of Parquet may hold and JSON has no type for."""
    if isinstance(value, pa.Scalar):
        return _scalar(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if hasattr(value, "hex"):  # a UUID
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can spell")


def _scalar(cell: pa.Scalar) -> Any:
    if pa.types.is_temporal(cell.type) and not pa.types.is_duration(cell.type):
        return cell.cast(pa.string()).as_py()  # to the nanosecond
    if pa.types.is_decimal(cell.type):
        return str(cell.as_py()) if cell.is_valid else None
    try:
        return value(cell)
    except Unreadable as error:
        raise TypeError(str(error)) from error
