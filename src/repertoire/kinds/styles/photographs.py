"""Pictures in colours out of files, and their sizes."""

import io

import numpy as np

from repertoire.contract import Array


def decoded(content: bytes) -> Array:
    """uint8 (height, width, 3) of a PNG or JPEG file, upright as its camera was held.

    Raises ValueError, SyntaxError or OSError for what is none.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error


def with_shorter_side(pixels: Array, side: int) -> Array:
    """The same picture with ``side`` pixels on its shorter side."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def middle(pixels: Array, side: int) -> Array:
    """The square of ``side`` pixels in the middle of a picture (height, width, 3)."""
    top, left = ((size - side) // 2 for size in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]
