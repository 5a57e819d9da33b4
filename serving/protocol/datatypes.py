"""Datatypes of the Open Inference Protocol: reading them, and casts in which nothing is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import DTYPES, Array, Arrays, Port

AXES = 32  # of a tensor; numpy has no more than 64
_KINDS = ("INT", "UINT")
_DTYPE_OF = {
    "BOOL": np.dtype(bool),
    **{
        f"{kind}{bits}": np.dtype(f"{kind.lower()}{bits}")
        for kind in _KINDS
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "BF16": np.dtype("uint16"),  # the upper half of an FP32
}
DATATYPES = tuple(_DTYPE_OF)
_NAME_OF = {dtype: name for name, dtype in _DTYPE_OF.items() if name != "BF16"}  # str is slow
_NUMBERS = ({int}, {float}, {int, float})


def name_of(dtype: np.dtype[Any]) -> str:
    """As the protocol calls what a graph gives."""
    return _NAME_OF[dtype]


def datatype_of(port: Port) -> str:
    return _NAME_OF[DTYPES[port.dtype]]


def from_json(name: str, datatype: object, shape: tuple[int, ...], data: object) -> Array:
    """The numbers of a JSON list, flat or nested as the shape says. Raises Malformed.

    As with any decimal, those of floating point are the nearest that the datatype has.
    """
    wanted = _dtype(name, datatype)
    if datatype == "BF16":
        raise Malformed(f"input {name}: BF16 comes in binary alone; send FP32, or binary_data_size")
    try:
        values = np.asarray(data) if _is_numbers(data, wanted.kind == "b") else None
    except (ValueError, OverflowError):
        values = None
    if values is None or values.dtype.kind not in "biuf" or not _follows(values, shape):
        raise Malformed(f"input {name}: data is no list of {datatype}, flat or nested as its shape")
    if values.size != math.prod(shape):
        raise Malformed(
            f"input {name} has {values.size} values; its shape {list(shape)} says other"
        )
    if values.dtype != wanted:
        values = _declared(name, datatype, values, wanted)
    return values.reshape(shape)


def from_bytes(name: str, datatype: object, shape: tuple[int, ...], data: memoryview) -> Array:
    """The numbers of a binary tensor, aligned in memory."""
    values = np.frombuffer(data, _dtype(name, datatype)).reshape(shape)
    if datatype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return np.require(values, requirements=["A"])


def packed(texts: Array) -> bytes:
    """Texts as BYTES in binary: each after its length, of 4 bytes."""
    encoded = [text.encode() for text in texts.reshape(-1)]
    return b"".join(len(each).to_bytes(4, "little") + each for each in encoded)


def itemsize(name: str, datatype: object) -> int:
    """Bytes of one number. Raises Malformed."""
    return _dtype(name, datatype).itemsize


def fitted(arrays: Arrays, ports: Sequence[Port]) -> Arrays:
    """The arrays with the types of their ports. Raises InvalidInput where that would lose a bit."""
    for port in ports:
        array = arrays.get(port.name)
        if array is not None and array.dtype != DTYPES[port.dtype]:
            arrays[port.name] = _exact(port, array)
    return arrays


def _exact(port: Port, array: Array) -> Array:
    wanted, called = DTYPES[port.dtype], datatype_of(port)
    if "b" in (array.dtype.kind, wanted.kind):
        sent = _NAME_OF[array.dtype]
        raise InvalidInput(f"input {port.name} is {sent}; send it as {called}")
    kept = _kept(array, wanted)
    if not kept.all():
        value = array.reshape(-1)[int(np.argmin(kept))].item()
        raise InvalidInput(
            f"input {port.name} holds {value}, which {called} cannot hold; send it as {called}"
        )
    return array.astype(wanted)


def _kept(array: Array, wanted: np.dtype[Any]) -> Array:
    """Which values a cast leaves as they are; not a number stays one in floating point."""
    if wanted.kind in "iu":
        bounds = np.iinfo(wanted)
        if array.dtype.kind in "iu":
            return (array >= bounds.min) & (array <= bounds.max)
        wide = array.astype(np.float64)
        inside = (wide >= float(bounds.min)) & (wide < float(bounds.max) + 1)
        return inside & (np.trunc(wide) == wide)
    with np.errstate(over="ignore"):
        cast = array.astype(wanted)
    if array.dtype.kind == "f":
        return (cast.astype(array.dtype) == array) | np.isnan(array)
    beyond = float(np.iinfo(array.dtype).max) + 1  # what the largest integers are rounded to
    inside = cast.astype(np.float64) < beyond
    return inside & (np.where(inside, cast, 0).astype(array.dtype) == array)


def _declared(name: str, datatype: object, values: Array, wanted: np.dtype[Any]) -> Array:
    """JSON numbers as the datatype that is declared for them."""
    if values.size == 0:
        return values.astype(wanted)
    if wanted.kind == "f":
        with np.errstate(over="ignore"):
            cast = values.astype(wanted)
        kept = np.isfinite(cast)
    else:
        kept = _kept(values, wanted)
        cast = values.astype(wanted) if kept.all() else values
    if not kept.all():
        value = values.reshape(-1)[int(np.argmin(kept))].item()
        raise Malformed(f"input {name} holds {value}, which is no {datatype}")
    return cast


def _is_numbers(data: object, flags: bool, depth: int = 0) -> bool:
    """Whether a list, or a value alone, holds numbers and nothing else, at no more than AXES."""
    if not isinstance(data, list):
        return type(data) in ((bool,) if flags else (int, float))
    kinds = set(map(type, data))
    if kinds == {list} and depth < AXES:
        return all(_is_numbers(each, flags, depth + 1) for each in data)
    return not kinds or (kinds == {bool} if flags else kinds in _NUMBERS)


def _follows(values: Array, shape: tuple[int, ...]) -> bool:
    """A list that is nested says the shape once more."""
    return values.ndim < 2 or values.shape == shape


def _dtype(name: str, datatype: object) -> np.dtype[Any]:
    if not isinstance(datatype, str) or datatype not in _DTYPE_OF:
        raise Malformed(f"input {name}: datatype is none of {', '.join(_DTYPE_OF)}")
    return _DTYPE_OF[datatype]
