"""Image files of users in folders: which there are, what is told of them, and their arrays.

``repertoire.runtime.image_file`` states how a file is read, for data and for requests alike.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from repertoire.contract import Array
from repertoire.data.sources import SourceError, told_of
from repertoire.runtime import image_file
from repertoire.runtime.image_file import SUFFIXES, Mode, Undecodable

if TYPE_CHECKING:
    from PIL import Image

RESIZED = {"resize": "centred square, Lanczos"}  # in encodings: files of any size may be sent
HIDDEN = frozenset(("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"))
COLOUR = 16  # levels by which the channels of a coloured pixel differ, at least
COLOURED = 0.002  # share of such pixels in a colour image; JPEG noise stays below

Channels = Literal[1, 3]
MODES: dict[int, Mode] = {1: "L", 3: "RGB"}


class ImageFileError(SourceError):
    """A file that cannot be read as an image: ``reason`` and ``remedy`` without the file's name."""

    def __init__(self, path: Path | str, reason: str, remedy: str = "save it again") -> None:
        super().__init__(f"{told_of(str(path), reason)}; {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class ImageFile:
    """What is known of an image file: its size upright, Pillow's format and mode."""

    width: int
    height: int
    format: str
    mode: str


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
    """Size and mode by the head of a file. Raises ImageFileError."""
    with _opened(path, path) as image:
        width, height = image_file.upright_size(image)
        return ImageFile(width, height, image.format or "", image.mode)


def is_colour(path: Path) -> bool:
    """Whether an image has colours: an RGB file of greys has none. Raises ImageFileError."""
    with _opened(path, path) as image:
        if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
            return False
        image.draft(None, (128, 128))
        small = image_file.still(image, "RGB")
        small.thumbnail((64, 64))
    pixels = np.asarray(small).astype(int)
    return bool((np.ptp(pixels, axis=-1) >= COLOUR).mean() > COLOURED)


def read_image(path: Path, channels: Channels, size: tuple[int, int]) -> Array:
    """uint8 (height, width) of a file for 1 channel, (height, width, 3) for 3; ``size`` is both.

    Cropped and resized. Raises ImageFileError.
    """
    height, width = size
    with _opened(path, path) as image:
        return np.array(image_file.fitted(image, MODES[channels], (width, height)))


def read_whole(source: Path | bytes, name: Path | str | None = None) -> Array:
    """uint8 (height, width, 3) of a file, or of its content with a name for messages.

    Raises ImageFileError.
    """
    if name is None:
        name = source if isinstance(source, Path) else "the content"
    with _opened(source, name) as image:
        return np.array(image_file.still(image, "RGB"))


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
    """A still image; whatever goes wrong until it is left becomes ImageFileError."""
    if isinstance(source, Path) and source.exists() and not source.is_file():
        kind = "a folder" if source.is_dir() else "a pipe or a device"
        raise ImageFileError(name, f"is {kind}, not an image file", "name a file")
    try:
        with warnings.catch_warnings():
            # What Pillow warns of (size, damaged metadata) does not change the pixels.
            warnings.filterwarnings("ignore", module="PIL")
            with image_file.opened(source) as image:
                yield image
    except Undecodable as error:
        raise ImageFileError(name, error.reason, error.remedy) from error
    except FileNotFoundError:
        raise ImageFileError(name, "no such file", "check the name") from None
    except PermissionError:
        raise ImageFileError(name, "may not be read", "permit reading it") from None
    except OSError as error:
        raise ImageFileError(name, f"cannot be read ({error.strerror})", "copy it again") from error
