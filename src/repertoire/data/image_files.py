"""Where image files of users become arrays: upright, 8 bit, grey or RGB, of one size.

How a file is read, whatever it is:

- the orientation that a camera noted (EXIF) is applied;
- of an animation the first frame is used;
- transparent pixels are laid on white;
- 16-bit levels are divided by 257, which maps 65,535 to 255; palettes, black-and-white and CMYK
  become RGB; grey is the luma of ITU-R 601-2, as Pillow defines it;
- for a fixed size the largest centred rectangle of the wanted proportions is cut out, then resized
  with a Lanczos filter. Of a much larger JPEG a reduced version, at least twice that size, is
  decoded.
"""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from repertoire.contract import Array
from repertoire.data.sources import SourceError, told_of

if TYPE_CHECKING:
    from PIL import Image

RESIZED = {"resize": "centred square, Lanczos"}  # in encodings: files of any size may be sent
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm"))
SUFFIXES |= {".jpe", ".jfif", ".pgm", ".pbm", ".pnm"}
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # of Pillow
HIDDEN = frozenset(("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"))
LARGEST = 89_478_485  # pixels of one image; Pillow's own default, above which it warns
COLOUR = 16  # levels by which the channels of a coloured pixel differ, at least
COLOURED = 0.002  # share of such pixels in a colour image; JPEG noise stays below
ORIENTATION = 0x0112  # EXIF tag
SIDEWAYS = (5, 6, 7, 8)  # its values that swap width and height

Channels = Literal[1, 3]


class ImageFileError(SourceError):
    """A file that cannot be read as an image: ``reason`` and ``remedy`` without the file's name."""

    def __init__(self, path: Path | str, reason: str, remedy: str = "save it again") -> None:
        super().__init__(f"{told_of(str(path), reason)}; {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class ImageFile:
    """What is known of an image file: its size upright, Pillow's format and mode, and frames."""

    width: int
    height: int
    format: str
    mode: str
    frames: int


def visible_files(folder: Path) -> list[Path]:
    """All files in ``folder`` and below, sorted by path; hidden files and folders are skipped.

    Links to folders are followed.
    """
    found: list[Path] = []
    entered: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        real = os.path.realpath(place)
        if real in entered:  # a link to a folder above would be followed forever
            folders.clear()
            continue
        entered.add(real)
        found += [Path(place, name) for name in files if not is_hidden(name)]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def image_paths(folder: Path) -> list[Path]:
    """Those of ``visible_files`` that are named like images (``SUFFIXES``)."""
    return [path for path in visible_files(folder) if is_image_name(path.name)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder was put there by an operating system, not by its user."""
    return name.startswith(".") or name.lower() in HIDDEN


def is_image_name(name: str) -> bool:
    """Whether a file of this name should be an image."""
    return Path(name).suffix.lower() in SUFFIXES


def inspect(path: Path) -> ImageFile:
    """Size, mode and frames by the head of a file. Raises ImageFileError."""
    with _opened(path, path) as image:
        width, height = image.size
        if image.getexif().get(ORIENTATION) in SIDEWAYS:
            width, height = height, width
        stills = image.format == "MPO"  # of a camera: further frames are previews
        frames = 1 if stills else getattr(image, "n_frames", 1)
        return ImageFile(width, height, image.format or "", image.mode, frames)


def is_colour(path: Path) -> bool:
    """Whether an image has colours: an RGB file of greys has none. Raises ImageFileError."""
    with _opened(path, path) as image:
        if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
            return False
        image.draft(None, (128, 128))
        upright = _rgb(image)
    upright.thumbnail((64, 64))
    pixels = np.asarray(upright).astype(int)
    return bool((np.ptp(pixels, axis=-1) >= COLOUR).mean() > COLOURED)


def read_image(path: Path, channels: Channels, size: tuple[int, int]) -> Array:
    """uint8 (height, width) of a file for 1 channel, (height, width, 3) for 3; ``size`` is both.

    Resized and cropped as the module states. Raises ImageFileError.
    """
    # Imported late: most data sets have no image files.
    from PIL import Image, ImageOps

    height, width = size
    with _opened(path, path) as image:
        image.draft(None, (2 * max(size), 2 * max(size)))
        upright = _rgb(image) if channels == 3 else _grey(image)
    if upright.size == (width, height):
        return np.array(upright)
    return np.array(ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS))


def read_whole(source: Path | bytes, name: Path | str | None = None) -> Array:
    """uint8 (height, width, 3) of a file, or of its content with a name for messages.

    Raises ImageFileError.
    """
    if name is None:
        name = source if isinstance(source, Path) else "the content"
    with _opened(source, name) as image:
        return np.array(_rgb(image))


def with_shorter_side(pixels: Array, side: int) -> Array:
    """The same image with ``side`` pixels on its shorter side."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def middle(pixels: Array, side: int) -> Array:
    """The square of ``side`` pixels in the middle of an image (height, width, …)."""
    top, left = ((size - side) // 2 for size in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


@contextmanager
def _opened(source: Path | bytes, name: Path | str) -> Iterator["Image.Image"]:
    """The first frame of an image; whatever goes wrong until it is left becomes ImageFileError."""
    from PIL import Image

    content = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            # Between one and two times the limit Pillow only warns.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # What else it warns of (damaged metadata) does not change the pixels.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(content, formats=FORMATS) as image:
                yield image
    except Image.UnidentifiedImageError:
        raise _unknown(source, name) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        remedy = "make it smaller"
        raise ImageFileError(name, f"has more than {LARGEST:,} pixels", remedy) from None
    except FileNotFoundError:
        raise ImageFileError(name, "no such file", "check the name") from None
    except PermissionError:
        raise ImageFileError(name, "may not be read", "permit reading it") from None
    except IsADirectoryError:
        raise ImageFileError(name, "is a folder, not an image file", "name a file") from None
    except ImageFileError:
        raise
    # Pillow's decoders raise many kinds of errors for damaged files.
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
        MemoryError,
        struct.error,
        zlib.error,
    ) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ImageFileError(name, f"is damaged or cut off ({why})") from error


def _unknown(source: Path | bytes, name: Path | str) -> ImageFileError:
    if isinstance(source, bytes):
        head = source[:16]
    else:
        with source.open("rb") as file:
            head = file.read(16)
    if not head:
        return ImageFileError(name, "is empty (0 bytes)", "copy it again")
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"avif"):
        return ImageFileError(name, "is HEIC or AVIF", "save it as JPEG or PNG")
    return ImageFileError(
        name,
        "is not an image (PNG, JPEG, GIF, BMP, WebP, TIFF or PNM) or its head is damaged",
        "save it as one of these",
    )


def _grey(image: "Image.Image") -> "Image.Image":
    """Mode L, upright."""
    eight = _eight_bit(image)
    return (eight if eight.mode == "L" else _on_white(eight)).convert("L")


def _rgb(image: "Image.Image") -> "Image.Image":
    """Mode RGB, upright."""
    return _on_white(_eight_bit(image)).convert("RGB")


def _eight_bit(image: "Image.Image") -> "Image.Image":
    """Upright, with levels from 0 to 255. Raises ImageFileError where the range is not known."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F":
        raise ValueError("floating-point levels, whose range is not known")
    if not upright.mode.startswith("I"):
        return upright
    levels = np.asarray(upright).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65_535:
        raise ValueError("32-bit levels, whose range is not known")
    grey = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    transparent = upright.info.get("transparency")
    if isinstance(transparent, int):
        opaque = np.where(levels == transparent, 0, 255).astype(np.uint8)
        grey.putalpha(Image.fromarray(opaque))
    return grey


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer)
