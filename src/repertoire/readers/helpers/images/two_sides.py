"""Which image files are of side A and which of side B, and of which split: by folders.

The layouts of pix2pix and CycleGAN: ``A/`` and ``B/``, with ``train/``, ``val/`` and ``test/``
above or below, or ``trainA/``, ``trainB/``, ``testA/`` and so on. Elsewhere two folders beside each
other, whatever they are called: in the order of their names the first is A.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from repertoire.data.doors import BadRows
from repertoire.data.image_files import is_hidden, is_image_name, visible_files
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called

SIDE = re.compile(r"(?:([a-z]+)[ _-]?)?([ab])", re.IGNORECASE)
SIDES = ("a", "b")


@dataclass(frozen=True)
class Placed:
    """An image: its path, its name relative to the folder, split and side ("" where none is told).

    ``below`` are the folders under those that tell split and side.
    """

    path: Path
    file: str
    split: str
    side: str
    below: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """All images of a folder, the names of both sides ("" where none tells sides), other files."""

    images: Sequence[Placed]
    names: tuple[str, str] | None
    others: Sequence[str]


def placed_images(raw: Path) -> Found:
    """The images in a folder and below it. Raises SourceError where there is none."""
    base = _base(raw)
    files = visible_files(base)
    others = [_name(raw, path) for path in files if not is_image_name(path.name)]
    images = [_placed(raw, base, path) for path in files if is_image_name(path.name)]
    if not images:
        held = f"; it holds {', '.join(others[:3])}" if others else ""
        raise SourceError(
            f"{raw.name}: holds no image (.png, .jpg, .gif, .bmp, .webp, .tif, .ppm){held}"
        )
    told = {image.side for image in images}
    if told >= set(SIDES):
        return Found(images, ("A", "B"), others)
    tops = _two_folders(base, images)
    if tops is None or told != {""}:
        return Found(images, None, others)
    named = [_of_top(base, image, tops) for image in images]
    return Found(named, tops, others)


def _base(raw: Path) -> Path:
    """Below folders that hold nothing but one other: archives are often packed so."""
    while True:
        entries = [path for path in sorted(raw.iterdir()) if not is_hidden(path.name)]
        if len(entries) != 1 or not entries[0].is_dir() or split_called(entries[0].name):
            return raw
        raw = entries[0]


def _name(raw: Path, path: Path) -> str:
    return path.relative_to(raw).as_posix()


def _placed(raw: Path, base: Path, path: Path) -> Placed:
    split = side = ""
    folders = list(path.relative_to(base).parts[:-1])
    while folders:
        named = _side_called(folders[0])
        if named and not side:
            split, side = named[0] or split, named[1]
        elif (called := split_called(folders[0])) and not split:
            split = called
        else:
            break
        folders.pop(0)
    below = tuple(unicodedata.normalize("NFC", folder) for folder in folders)
    return Placed(path, _name(raw, path), split, side, below)


def _side_called(folder: str) -> tuple[str, str] | None:
    """Split, "" for none, and side that a folder is named after: trainA, A, val_B."""
    match = SIDE.fullmatch(folder.strip())
    if match is None:
        return None
    split = split_called(match[1]) if match[1] else ""
    return None if split is None else (split, match[2].lower())


def _two_folders(base: Path, images: Sequence[Placed]) -> tuple[str, str] | None:
    """The names of both folders, if all images lie in two of them that no split is named after."""
    tops = sorted({image.path.relative_to(base).parts[0] for image in images})
    if len(tops) != len(SIDES) or any((base / top).is_file() for top in tops):
        return None
    return None if any(split_called(top) for top in tops) else (tops[0], tops[1])


def _of_top(base: Path, image: Placed, tops: tuple[str, str]) -> Placed:
    top, *folders = image.path.relative_to(base).parts[:-1]
    split = split_called(folders[0]) if folders else None
    below = tuple(unicodedata.normalize("NFC", name) for name in folders[1 if split else 0 :])
    return replace(image, side=SIDES[tops.index(top)], split=split or "", below=below)


def in_splits(images: Sequence[Placed], bad: BadRows) -> list[Placed]:
    """Those in folders of splits, if there are any, for then the others are bad rows."""
    told = {image.split for image in images}
    if told == {""}:
        return list(images)
    if "train" not in told:
        raise SourceError(
            f"{images[0].file}: there are folders of splits but none for training; call it train"
        )
    for image in images:
        if not image.split:
            reason = "lies in no folder of a split (train, val, test)"
            bad.add(image.file, None, reason, "move it to one")
    return [image for image in images if image.split]
