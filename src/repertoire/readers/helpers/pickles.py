"""Arrays out of pickles, without running the pickle: ragged rows of NumPy archives, and weights.

A pickle is a program: it names callables and calls them. Here the three names of which an array's
pickle is made stand for inert classes that keep what they are given, and every other name is
refused; numbers are then read as plain bytes. NumPy's own classes are not called either, because
their unpickling trusts the flags of the pickle.
"""

import contextlib
import io
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.sources import SourceError, members, unexpected

NUMBERS = r"[iuf][1248]"
OBJECTS = ("O", "O8")
HOMES = ("numpy.core.multiarray", "numpy._core.multiarray")


class _Type:
    """Stands for ``numpy.dtype``."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.code, self.order = _text(code), "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = _text(state[1])


class _Rows:
    """Stands for ``numpy.ndarray``; ``value`` is an array of numbers, or a list of those."""

    value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, content = state
        if kind.code in OBJECTS:
            self.value = [row.value for row in content]
            return
        if not re.fullmatch(NUMBERS, kind.code) or kind.order not in tuple("<>=|"):
            raise pickle.UnpicklingError(f"numbers of the type {kind.code}")
        numbers = np.frombuffer(content, np.dtype(kind.order + kind.code))
        self.value = numbers.reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Rows:
    return _Rows()


class _ArraysAlone(pickle.Unpickler):
    """Knows no name but those of an array's pickle, and gives the inert classes for them."""

    def find_class(self, module: str, name: str) -> Any:
        if module in HOMES and name == "_reconstruct":
            return _reconstruct
        if module == "numpy" and name in ("ndarray", "dtype"):
            return _Rows if name == "ndarray" else _Type
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def ragged_arrays(path: Path) -> Iterator[tuple[str, list[Array]]]:
    """Name and rows of each member of an .npz whose rows are arrays of different lengths.

    Raises SourceError for whatever is not made of arrays of numbers alone.
    """
    for name, content in members(path, "*.npy"):
        with _refusing(path, name, unexpected):
            rows = _rows(content)
        yield name.removesuffix(".npy"), rows


def ragged_rows(path: Path, name: str, content: bytes) -> list[Array]:
    """As ``ragged_arrays``, of one member of somebody's own file."""
    with _refusing(path, name, _own):
        return _rows(content)


def named_arrays(path: Path, name: str, content: bytes) -> Arrays:
    """The arrays of nested dictionaries, by their keys joined with "/": of a member of ``path``.

    Raises SourceError for whatever is not made of arrays of numbers alone.
    """
    with _refusing(path, name, unexpected):
        return dict(_flat((), _ArraysAlone(io.BytesIO(content)).load()))


def _flat(keys: tuple[str, ...], value: Any) -> Iterator[tuple[str, Array]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat((*keys, str(key)), inner)
    elif isinstance(value, _Rows) and isinstance(value.value, np.ndarray):
        yield "/".join(keys), value.value
    else:
        raise ValueError(f"{'/'.join(keys) or 'the whole'} is no array of numbers")


@contextlib.contextmanager
def _refusing(path: Path, name: str, refusal: Callable[[Path, str], SourceError]) -> Iterator[None]:
    broken = (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError)
    try:
        yield
    except broken as why:
        said = str(why) or "it ends early"
        raise refusal(path, f"{name} is not a pickle of arrays alone ({said})") from why


def _own(path: Path, why: str) -> SourceError:
    return SourceError(f"{path}: {why}; it was not read: save it again")


def _rows(content: bytes) -> list[Array]:
    file = io.BytesIO(content)
    np.lib.format.read_magic(file)
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    if not kind.hasobject or len(shape) != 1:
        raise ValueError(f"shape {shape} of {kind}, not one row an array")
    found = _ArraysAlone(file, encoding="bytes").load()
    rows = found.value if isinstance(found, _Rows) else None
    if not isinstance(rows, list) or len(rows) != shape[0]:
        raise ValueError(f"no list of {shape[0]} arrays")
    if not all(isinstance(row, np.ndarray) for row in rows):
        raise ValueError("rows that are no arrays of numbers")
    return rows
