"""Decoded images of one size in a temporary file, so that none of them need stay in memory."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from repertoire.contract import Array
from repertoire.data.tensors import RowBlocks

AT_ONCE = 2**24  # bytes of a block


class PixelFile:
    """uint8 images of ``shape``, by the number under which each was added.

    The file has no name and goes when the object does. A copy is the object itself: tables copy
    what they carry.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.count = shape, 0
        self._size = int(np.prod(shape))
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the object lives)

    def __deepcopy__(self, memo: dict[int, Any]) -> "PixelFile":
        return self

    def add(self, image: Array) -> int:
        """Keep an image; returns its number."""
        if image.shape != self.shape:
            raise ValueError(f"an image of shape {image.shape} among those of {self.shape}")
        self._file.write(np.ascontiguousarray(image, np.uint8).tobytes())
        self.count += 1
        return self.count - 1

    def images(self, numbers: Array) -> Array:
        """uint8 (numbers, *shape)."""
        self._file.flush()
        found = np.empty((len(numbers), *self.shape), np.uint8)
        for row, number in enumerate(numbers):
            content = os.pread(self._file.fileno(), self._size, int(number) * self._size)
            found[row] = np.frombuffer(content, np.uint8).reshape(self.shape)
        return found

    def blocks(self, numbers: Array) -> RowBlocks:
        """The same as an array that is made block by block."""
        return RowBlocks((len(numbers), *self.shape), np.uint8, partial(self._blocks, numbers))

    def _blocks(self, numbers: Array) -> Iterator[Array]:
        some = max(1, AT_ONCE // self._size)
        for start in range(0, len(numbers), some):
            yield self.images(numbers[start : start + some])
