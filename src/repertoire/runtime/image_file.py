"""Where a file becomes an image, for training and serving alike: upright, 8 bit, grey or RGB.

- The orientation that a camera noted (EXIF) is applied; metadata that are damaged are passed over.
- Transparent pixels are laid on white; on black where nothing could be seen on white, as of white
  ink.
- 16-bit levels are divided by 257, which maps 65,535 to 255; levels of 32 bits and floats are
  refused, for their range is not known.
- Palettes, black-and-white and CMYK become RGB; grey is the luma of ITU-R 601-2, as Pillow defines
  it. Colour profiles are not applied.
- Animations and files of several pages are refused; of a camera's file with previews (MPO) the
  first image is taken.
- For a fixed size the largest centred rectangle of the wanted proportions is cut out, then resized
  with a Lanczos filter. Of a much larger JPEG a reduced version, at least twice that size, is
  decoded.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from repertoire.runtime.budget import spend_pixels
from repertoire.runtime.errors import InferenceError, Malformed
from repertoire.runtime.signature import Array

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from PIL.Image import Transpose

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # of Pillow
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm"))
SUFFIXES |= {".jpe", ".jfif", ".pgm", ".pbm", ".pnm"}
LARGEST = 89_478_485  # pixels of one image; Pillow's own default, above which it warns
ORIENTATION = 0x0112  # EXIF tag
SIDEWAYS = (5, 6, 7, 8)  # its values that swap width and height
FAINT = 16  # levels below white that the eye does not tell from it

Mode = Literal["L", "RGB"]
Size = tuple[int, int]
"""Width and height."""
Check = Callable[[Sequence[Size]], None]
"""Raises InferenceError unless one of the sizes, each of which may be the image's, will do."""


class Undecodable(Exception):
    """A file that is no image or none that is read; `reason` and `remedy` leave out its name."""

    def __init__(self, reason: str, remedy: str = "save it again") -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason, self.remedy = reason, remedy


@contextlib.contextmanager
def opened(source: Path | bytes) -> Iterator[PillowImage]:
    """A still image that is not decoded yet. Raises OSError where a file cannot be opened.

    Whatever goes wrong until it is left becomes Undecodable.
    """
    from PIL import Image  # servers of language models never need it

    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            with Image.open(file, formats=FORMATS) as image:
                _refuse_enormous(image.size)
                _refuse_several(image)
                yield image
        except (InferenceError, Undecodable):
            raise
        except Image.UnidentifiedImageError:
            file.seek(0)
            raise _unknown(file.read(16)) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _enormous() from None
        except Exception as error:  # decoders of damaged files raise whatever they like
            why = " ".join(str(error).split()) or type(error).__name__
            raise Undecodable(f"is damaged or cut off ({why})") from error


def upright_size(image: PillowImage) -> Size:
    """Width and height as they are once the image is turned upright."""
    width, height = image.size
    return (height, width) if _orientation(image) in SIDEWAYS else (width, height)


def still(image: PillowImage, mode: Mode) -> PillowImage:
    """The image as the eye sees it, in grey ("L") or in colours ("RGB")."""
    return _laid(_eight_bit(_upright(image))).convert(mode)


def fitted(image: PillowImage, mode: Mode, size: Size) -> PillowImage:
    """As ``still``, cut to the proportions of ``size`` and resized to it."""
    from PIL import Image, ImageOps

    image.draft(None, (2 * max(size), 2 * max(size)))
    found = still(image, mode)
    return found if found.size == size else ImageOps.fit(found, size, Image.Resampling.LANCZOS)


def pixels(content: bytes, check: Check, mode: Mode, size: Size | None = None) -> Array:
    """uint8[height, width] or [height, width, 3] of a file, of the size wanted if any.

    Raises Malformed, and what ``check`` raises before the file is decoded.
    """
    try:
        with opened(content) as image:
            check((image.size, image.size[::-1]))  # to know the orientation, a PNG is decoded
            spend_pixels(image.size)
            check((upright_size(image),))
            return np.array(fitted(image, mode, size) if size else still(image, mode))
    except Undecodable as error:
        raise Malformed(f"the image {error}") from error


def _refuse_enormous(size: Size) -> None:
    if size[0] * size[1] > LARGEST:
        raise _enormous()


def _enormous() -> Undecodable:
    return Undecodable(f"has more than {LARGEST:,} pixels", "make it smaller")


def _refuse_several(image: PillowImage) -> None:
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return
    if image.format == "TIFF":
        raise Undecodable("is a file of several pages", "save each page as a file of its own")
    raise Undecodable("is an animation", "save the frame that is meant as a file of its own")


def _unknown(head: bytes) -> Undecodable:
    if not head:
        return Undecodable("is empty (0 bytes)", "copy it again")
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return Undecodable("is HEIC or AVIF", "save it as JPEG or PNG")
    return Undecodable(
        "is not an image (PNG, JPEG, GIF, BMP, WebP, TIFF or PNM) or its head is damaged",
        "save it as one of these",
    )


def _orientation(image: PillowImage) -> int:
    """1 to 8; 1, which is upright, where none is noted or the note cannot be read."""
    if image.format == "PNG":
        image.load()  # its notes may come last; what is wrong with the pixels is told here
        if not image.info:
            return 1  # looking for notes would take as long as decoding a small image
    if image.format != "TIFF":  # Pillow turns these itself
        with contextlib.suppress(Exception):  # damaged metadata do not change the pixels
            noted = image.getexif().get(ORIENTATION)
            return noted if isinstance(noted, int) and 1 <= noted <= 8 else 1
    return 1


def _upright(image: PillowImage) -> PillowImage:
    image.load()
    turn = _turns().get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _turns() -> dict[int, Transpose]:
    """What makes an image upright, by its orientation (EXIF 2.32, table 6)."""
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }


def _eight_bit(image: PillowImage) -> PillowImage:
    """Levels of 16 bits become 8; those whose range is not known are refused."""
    from PIL import Image

    if image.mode == "F":
        raise Undecodable("has floating-point levels, whose range is not known", "save 8 bits")
    if not image.mode.startswith("I"):
        return image
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # which have 16 at most
        raise Undecodable("has levels of 32 bits, whose range is not known", "save 8 or 16 bits")
    levels = np.asarray(image).astype(np.int64)
    grey = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return grey


def _laid(image: PillowImage) -> PillowImage:
    """On white, or on black where what is drawn cannot be seen on white."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    on_white = _on(layer, "white")
    if 255 - _darkest(on_white) > FAINT:
        return on_white
    on_black = _on(layer, "black")
    return on_black if _brightest(on_black) > FAINT else on_white


def _on(layer: PillowImage, ground: str) -> PillowImage:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", layer.size, ground), layer)


def _darkest(image: PillowImage) -> int:
    return int(image.convert("RGB").convert("L").getextrema()[0])  # type: ignore[arg-type]


def _brightest(image: PillowImage) -> int:
    return int(image.convert("RGB").convert("L").getextrema()[1])  # type: ignore[arg-type]
