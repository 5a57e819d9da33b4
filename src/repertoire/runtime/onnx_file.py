"""Looks into an ONNX file for what must not be loaded, without the onnx package.

onnxruntime resolves external tensors relative to the working directory even for a model given as
bytes, and it brings operator domains of its own; no session option forbids either. So the protobuf
wire format is walked here, only as deep as tensors and nodes lie: the onnx package would do the
same for 15 MB of resident memory in every server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TypeAlias, overload

from repertoire.runtime.errors import BadModel

# Message -> field number -> the message in that field. Everything else is skipped unread.
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_OPERATOR_DOMAIN, _EXTERNAL_DATA, _DATA_LOCATION = ("node", 7), ("tensor", 13), ("tensor", 14)
_DEFAULT_DOMAINS: tuple[object, ...] = (b"", b"ai.onnx")
_DEEPEST = 64
_BLOCK = 2**16  # bytes that are read at once


class Part:
    """A part of a file, of which is read what is asked for; memory holds a block of it.

    A mapped file would do, but it ends the process with a signal where somebody truncates it.
    """

    def __init__(self, file: FileIO, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end
        self._block, self._first = b"", start

    def __len__(self) -> int:
        return self._end - self._start

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> Bytes: ...

    def __getitem__(self, place: int | slice) -> int | Bytes:
        """A slice has both ends, and lies within."""
        if isinstance(place, slice):
            count = place.stop - place.start
            if count > _BLOCK:
                return Part(self._file, self._start + place.start, self._start + place.stop)
            offset = self._held(place.start, count)
            return memoryview(self._block)[offset : offset + count]
        if place >= len(self):
            raise IndexError("index out of its bytes")
        offset = self._held(place, 1)
        return self._block[offset]

    def __bytes__(self) -> bytes:
        return self._read(self._start, self._end)

    def _held(self, place: int, count: int) -> int:
        """Where in the block a place is, after reading from there what the block lacks."""
        offset = self._start + place - self._first
        if 0 <= offset <= len(self._block) - count:
            return offset
        self._first = self._start + place
        self._block = self._read(self._first, min(self._first + _BLOCK, self._end))
        return 0

    def _read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        content = self._file.read(end - start)
        if len(content) < end - start:
            raise ValueError("it became shorter while it was read")
        return content


Bytes: TypeAlias = memoryview | Part


@contextmanager
def opened(path: Path) -> Iterator[tuple[FileIO, Part]]:
    """The file and its content, while it is open. Raises BadModel: not there, or empty."""
    try:
        with FileIO(path) as file:
            if not (size := os.fstat(file.fileno()).st_size):
                raise BadModel(f"{path.name} is empty; export again")
            yield file, Part(file, 0, size)
    except OSError as error:
        raise BadModel(f"{path.name} cannot be read ({error.strerror}); export again") from error


def refuse_foreign_content(model: Bytes) -> None:
    """Raises BadModel for external tensors, foreign operators, or bytes that are no ONNX."""
    try:
        _walk("model", model, depth=0)
    except (IndexError, ValueError) as error:
        raise BadModel(f"this is no ONNX file: {error}") from error


def _walk(message: str, data: Bytes, depth: int) -> None:
    if depth > _DEEPEST:
        raise BadModel(f"graphs are nested more than {_DEEPEST} levels deep")
    nested = _NESTED[message]
    for number, value in fields(data):
        if (message, number) == _OPERATOR_DOMAIN and value not in _DEFAULT_DOMAINS:
            raise BadModel(
                f"operator domain {_shown(value)} is not allowed; export with ai.onnx alone"
            )
        if (message, number) == _EXTERNAL_DATA or ((message, number) == _DATA_LOCATION and value):
            raise BadModel("tensors in external files are not allowed; export them into the model")
        if number in nested:
            if isinstance(value, int):
                raise ValueError(f"field {number} of {message} holds a number, not a message")
            _walk(nested[number], value, depth + 1)


def _shown(value: int | Bytes) -> str:
    return str(value) if isinstance(value, int) else bytes(value).decode(errors="replace")


def fields(data: Bytes) -> Iterator[tuple[int, int | Bytes]]:
    """Yields (field number, value): an int for a varint or fixed width, else the bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, position = _varint(data, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if position + length > len(data):
            raise ValueError("it ends in the middle of a field")
        yield tag >> 3, data[position : position + length]
        position += length


def numbers(data: Bytes) -> list[int]:
    """Varints that stand one after the other."""
    values, position = [], 0
    while position < len(data):
        value, position = _varint(data, position)
        values.append(value)
    return values


def _varint(data: Bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")
