"""Images between arrays and PNG files in base64, grey and coloured ones."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.errors import BadModel, InvalidInput, Malformed, TooLarge
from serving.manifest import Graph
from serving.ports import Array

if TYPE_CHECKING:
    from PIL.Image import Image

BYTES = 8 * 2**20  # of a file whose size is free

Check = Callable[[Sequence[int]], None]
"""Raises InvalidInput or TooLarge for a size (width, height) that is not wanted."""


def fixed_sizes(graph: Graph) -> tuple[int, ...]:
    """The sizes of the first input behind its batch axis, which must all be numbers."""
    port = graph.inputs[0]
    sizes = tuple(size for size in port.shape[1:] if isinstance(size, int))
    if len(sizes) != len(port.shape) - 1:
        raise BadModel(f"input {port.name} of graph {graph.name} lacks fixed sizes; export again")
    return sizes


def read(image: Any, height: int, width: int, *colours: int) -> Array:
    """uint8[height, width] from PNG or JPEG bytes, base64 of them, or nested lists of 0 to 255.

    uint8[height, width, 3] (red, green, blue) where ``colours`` is 3. Raises Malformed for what is
    no image and InvalidInput for another size.
    """
    if isinstance(image, str):
        image = _from_base64(image)
    check = partial(_check_size, height=height, width=width)
    if isinstance(image, bytes):
        return _from_file(image, check, "RGB" if colours else "L")
    return _from_lists(image, check, colours)


def read_any(image: Any, most: int) -> Array:
    """uint8[height, width, 3] of any size up to ``most`` pixels, upright as its camera was held.

    Raises Malformed for what is no image, and TooLarge before a large one is decoded.
    """
    if isinstance(image, str):
        image = _from_base64(image)
    check = partial(_check_area, most=most)
    if not isinstance(image, bytes):
        return _from_lists(image, check, (3,))
    if len(image) > BYTES:
        remedy = "save it as a JPEG of less quality, or make it smaller"
        raise TooLarge(f"the image is a file of {len(image)} bytes, at most {BYTES}; {remedy}")
    return _from_file(image, check, "RGB", upright=True)


def _from_lists(image: Any, check: Check, colours: tuple[int, ...]) -> Array:
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise Malformed("an image is a PNG in base64 or rows of equal length") from error
    if pixels.ndim != 2 + len(colours) or pixels.shape[2:] != colours:
        kind = "a list of red, green and blue" if colours else "one number"
        raise InvalidInput(f"a pixel of an image is {kind}")
    check(pixels.shape[1::-1])
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise InvalidInput("the pixels of an image are whole numbers from 0 to 255")
    return pixels.astype(np.uint8)


def png(pixels: Array) -> bytes:
    """The PNG file of an image uint8[height, width], or of a coloured one [height, width, 3]."""
    from PIL import Image  # servers of language models never need it

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def png_base64(pixels: Array) -> str:
    return base64.b64encode(png(pixels)).decode()


def grid(images: Sequence[Array], columns: int | None = None) -> Array:
    """One image of all, row by row, in a square by default, with a black gap of one pixel."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    height, width, *colours = images[0].shape
    sides = (rows * (height + 1) - 1, columns * (width + 1) - 1)
    sheet = np.zeros((*sides, *colours), np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the image is not valid base64: {error}") from error


def _from_file(content: bytes, check: Check, mode: str, upright: bool = False) -> Array:
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            check(image.size)  # before decoding: a small file can be huge
            turned = ImageOps.exif_transpose(image) if upright else image
            return np.asarray(_on_white(_eight_bit(turned)).convert(mode))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Malformed(f"the image is no PNG or JPEG that can be read: {error}") from error


def _eight_bit(image: Image) -> Image:
    """16-bit levels as 8-bit ones, as training data are read; Pillow would cut them off at 255."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image).astype(np.int64)
    return Image.fromarray(((levels.clip(0, 65_535) + 128) // 257).astype(np.uint8))


def _on_white(image: Image) -> Image:
    """Transparent pixels laid on white, as training data are read; Pillow would make them black."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)


def _check_size(size: Sequence[int], height: int, width: int) -> None:
    if tuple(size) != (width, height):
        given = " x ".join(map(str, size))
        raise InvalidInput(f"the image is {given} pixels; resize it to {width} x {height}")


def _check_area(size: Sequence[int], most: int) -> None:
    if math.prod(size) > most:
        given = " x ".join(map(str, size))
        raise TooLarge(f"the image is {given} pixels; resize it to {most} in all, or fewer")
