"""Images between arrays and PNG files in base64, grey and coloured ones."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput, Malformed, TooLarge
from repertoire.runtime.image_file import LARGEST, Check, Size
from repertoire.runtime.image_file import pixels as pixels_of
from repertoire.runtime.manifest import Graph
from repertoire.runtime.signature import Array

BYTES = 16 * 2**20  # of a file whose size is free
PIXELS = LARGEST  # of a file that is made smaller
_LARGE = 2**20  # pixels, beyond which a PNG is written five times as fast, a tenth larger


def fixed_sizes(graph: Graph) -> tuple[int, ...]:
    """The sizes of the first input behind its batch axis, which must all be numbers."""
    port = graph.inputs[0]
    sizes = tuple(size for size in port.shape[1:] if isinstance(size, int))
    if len(sizes) != len(port.shape) - 1:
        raise BadModel(f"input {port.name} of graph {graph.name} lacks fixed sizes; export again")
    return sizes


def read(image: Any, height: int, width: int, *colours: int) -> Array:
    """uint8[height, width] from the bytes of a file, base64 of them, or nested lists of 0 to 255.

    ``repertoire.runtime.image_file`` states how a file is read.

    uint8[height, width, 3] (red, green, blue) where ``colours`` is 3. Raises Malformed for what is
    no image and InvalidInput for another size.
    """
    image = _opened(image)
    check = partial(_check_size, height=height, width=width)
    if isinstance(image, bytes):
        return pixels_of(image, check, "RGB" if colours else "L")
    return _from_lists(image, check, colours)


def read_fitted(image: Any, height: int, width: int, *colours: int) -> Array:
    """As ``read``, but a file may have any size: as training files were, it is turned upright, cut
    to the largest rectangle of the wanted proportions in its middle, and resized.

    Raises TooLarge before a file of more than ``PIXELS`` is decoded.
    """
    image = _opened(image)
    if not isinstance(image, bytes):
        return read(image, height, width, *colours)
    check = partial(_check_area, most=PIXELS)
    return pixels_of(image, check, "RGB" if colours else "L", (width, height))


def read_sent(
    image: Any, encoding: Mapping[str, Any], height: int, width: int, *colours: int
) -> Array:
    """As ``read_fitted`` where training files were resized, as the encoding says, else ``read``."""
    return (read_fitted if "resize" in encoding else read)(image, height, width, *colours)


def read_any(image: Any, most: int) -> Array:
    """uint8[height, width, 3] of any size up to ``most`` pixels, upright as its camera was held.

    Raises Malformed for what is no image, and TooLarge before a large one is decoded.
    """
    content = _opened(image)
    check = partial(_check_area, most=most)
    if not isinstance(content, bytes):
        return _from_lists(content, check, (3,))
    if isinstance(image, str | bytes) and len(content) > BYTES:
        remedy = "save it as a JPEG of less quality, or make it smaller"
        raise TooLarge(f"the image is a file of {len(content)} bytes, at most {BYTES}; {remedy}")
    return pixels_of(content, check, "RGB")


def _from_lists(image: Any, check: Check, colours: tuple[int, ...]) -> Array:
    try:
        pixels = np.asarray(image)
    except ValueError as error:
        raise Malformed("an image is a PNG in base64 or rows of equal length") from error
    if pixels.ndim != 2 + len(colours) or pixels.shape[2:] != colours:
        kind = "a list of red, green and blue" if colours else "one number"
        raise InvalidInput(f"a pixel of an image is {kind}")
    check([(pixels.shape[1], pixels.shape[0])])
    if pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise InvalidInput("the pixels of an image are whole numbers from 0 to 255")
    return pixels.astype(np.uint8)


def png(pixels: Array) -> bytes:
    """The PNG file of an image uint8[height, width], or of a coloured one [height, width, 3]."""
    from PIL import Image  # servers of language models never need it

    file = io.BytesIO()
    quick = pixels.shape[0] * pixels.shape[1] > _LARGE
    Image.fromarray(pixels).save(file, "PNG", compress_level=1 if quick else 6)
    return file.getvalue()


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


def _opened(image: Any) -> Any:
    """The bytes of a file: of one in base64, or of an image of Pillow; all else as it is."""
    if isinstance(image, str):
        return _from_base64(image)
    if isinstance(image, bytes | list | np.ndarray) or not hasattr(image, "getexif"):
        return image
    file = io.BytesIO()
    # PNG keeps transparency, and TIFF knows all kinds of levels and takes no time.
    kind = "PNG" if image.mode == "P" or "transparency" in image.info else "TIFF"
    try:
        image.save(file, kind, exif=image.getexif())
    except OSError as error:
        raise Malformed(f"the image is of mode {image.mode}; convert it to RGB") from error
    return file.getvalue()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"the image is not valid base64: {error}") from error


def _check_size(sizes: Sequence[Size], height: int, width: int) -> None:
    if (width, height) not in sizes:
        raise InvalidInput(f"the image is {_told(sizes[0])}; resize it to {width} x {height}")


def _check_area(sizes: Sequence[Size], most: int) -> None:
    if math.prod(sizes[0]) > most:
        remedy = f"resize it to {most} in all, or fewer"
        raise TooLarge(f"the image is {_told(sizes[0])}; {remedy}")


def _told(size: Size) -> str:
    return f"{size[0]} x {size[1]} pixels"
