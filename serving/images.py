"""Images between arrays and PNG files in base64, grey ones and (to read) coloured ones."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.errors import BadModel, InvalidInput, Malformed
from serving.manifest import Graph
from serving.ports import Array


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
    if isinstance(image, bytes):
        return _from_file(image, height, width, "RGB" if colours else "L")
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise Malformed("an image is a PNG in base64 or rows of equal length") from error
    if pixels.ndim != 2 + len(colours) or pixels.shape[2:] != colours:
        kind = "a list of red, green and blue" if colours else "one number"
        raise InvalidInput(f"a pixel of an image is {kind}")
    _check_size(pixels.shape[1::-1], height, width)
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise InvalidInput("the pixels of an image are whole numbers from 0 to 255")
    return pixels.astype(np.uint8)


def png(pixels: Array) -> bytes:
    """The PNG file of an image uint8[height, width], or [height, width, 3] in colours."""
    from PIL import Image  # servers of language models never need it

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def png_base64(pixels: Array) -> str:
    return base64.b64encode(png(pixels)).decode()


def grid(images: Sequence[Array]) -> Array:
    """One image of all, row by row in a square, with a black gap of one pixel."""
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    height, width = images[0].shape
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1), np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the image is not valid base64: {error}") from error


def _from_file(content: bytes, height: int, width: int, mode: str) -> Array:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            _check_size(image.size, height, width)  # before decoding: a small file can be huge
            return np.asarray(image.convert(mode))
    except (OSError, SyntaxError, ValueError) as error:
        raise Malformed(f"the image is no PNG or JPEG that can be read: {error}") from error


def _check_size(size: Sequence[int], height: int, width: int) -> None:
    if tuple(size) != (width, height):
        given = " x ".join(map(str, size))
        raise InvalidInput(f"the image is {given} pixels; resize it to {width} x {height}")
