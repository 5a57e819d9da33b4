"""Arrays in files of the safetensors format, which may be larger than memory.

The format (https://github.com/huggingface/safetensors): the length of the header as a little-endian
64-bit number, the header in JSON padded with spaces to a multiple of 8, and the bytes of all
arrays; larger types come first, then names decide.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from repertoire.config import RepertoireError
from repertoire.contract import Array, Arrays
from repertoire.data.files import REMEDY

MAPPED = 64 * 2**20  # bytes of an array from which on it is mapped, not read
NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
# Of two types of equal size the format puts the later one of this list first.
ORDER = ("BOOL", "U8", "I8", "I16", "U16", "F16", "I32", "U32", "F32", "F64", "I64", "U64")


@dataclass(frozen=True)
class RowBlocks:
    """An array that is made block by block, each of consecutive rows, whenever it is needed."""

    shape: tuple[int, ...]
    dtype: Any
    blocks: Callable[[], Iterator[Array]]

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """The whole, in memory."""
        found = np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.blocks()])
        return found if dtype is None else found.astype(dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write_tensors(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays, and row blocks of which one at a time is in memory."""
    arrays = {
        name: value if isinstance(value, RowBlocks) else np.ascontiguousarray(value)
        for name, value in arrays.items()
    }

    def place(name: str) -> tuple[int, str]:
        return -ORDER.index(_type(arrays[name])), name

    names, at = sorted(arrays, key=place), 0
    header: dict[str, Any] = {}
    for name in names:
        value = arrays[name]
        header[name] = {
            "dtype": _type(value),
            "shape": list(value.shape),
            "data_offsets": [at, at + value.nbytes],
        }
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            _write(file, name, arrays[name])


def _type(value: Any) -> str:
    return NAMES[np.dtype(value.dtype).name]


def _write(file: BinaryIO, name: str, value: Any) -> None:
    if not isinstance(value, RowBlocks):
        file.write(value.reshape(-1).view(np.uint8).data)  # no copy
        return
    rows = 0
    for block in value.blocks():
        file.write(np.ascontiguousarray(block, value.dtype).tobytes())
        rows += len(block)
    if rows != len(value):
        raise ValueError(f"{name}: the blocks hold {rows} rows, not {len(value)}")


@contextlib.contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Raises RepertoireError where the block finds no whole file of tensors at ``path``."""
    try:
        yield
    except (SafetensorError, ValueError) as error:
        said = " ".join(str(error).split())
        raise RepertoireError(f"{path}: no whole file of tensors ({said}); {REMEDY}") from None


def read_tensors(path: Path) -> Arrays:
    """All arrays of a file; those of ``MAPPED`` bytes or more stay in it until they are used.

    A mapped array may be changed in memory; the file is not. Raises RepertoireError for a damaged
    file.
    """
    with undamaged(path):
        return load_file(path) if path.stat().st_size < MAPPED else _mapped(path)


def _mapped(path: Path) -> Arrays:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    numpy_names = {name: dtype for dtype, name in NAMES.items()}
    found: Arrays = {}
    with safe_open(path, framework="numpy") as tensors:
        for name in tensors.keys():  # noqa: SIM118 (safe_open is no mapping)
            about = header[name]
            start, end = about["data_offsets"]
            if end - start < MAPPED:
                found[name] = tensors.get_tensor(name)
                continue
            dtype, shape = np.dtype(numpy_names[about["dtype"]]), tuple(about["shape"])
            mapped = np.memmap(path, dtype, "c", 8 + length + start, shape)
            found[name] = mapped.view(np.ndarray)
    return found
