"""Pairs of images: which file belongs to which, and both decoded alike."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from repertoire.contract import Array
from repertoire.data.doors import BadRows
from repertoire.data.image_files import ImageFileError, inspect, read_image
from repertoire.readers.helpers.images.same_geometry import Colour, digest, halves, squared
from repertoire.readers.helpers.images.two_sides import Placed, in_splits

if TYPE_CHECKING:
    import pandas as pd

Layout = Literal["side_by_side", "folders"]
Direction = Literal["AtoB", "BtoA"]
SAME_PROPORTIONS = 0.02  # by which those of two partners may differ, for rounding


@dataclass(frozen=True)
class Wanted:
    """Arrays of which images: side and colour, and whether A or B goes in."""

    direction: Direction
    side: int
    colour: Colour


@dataclass(frozen=True)
class Pair:
    """The files of A and B, which are one where both images are in it."""

    a: Placed
    b: Placed


def pairs_of(images: Sequence[Placed], layout: Layout, bad: BadRows) -> list[Pair]:
    """All pairs in the order of their names; images without partner are bad rows."""
    usable = in_splits(images, bad)
    if layout == "side_by_side":
        return [Pair(image, image) for image in usable]
    known: dict[tuple[str, ...], dict[str, Placed]] = {}
    for image in usable:
        if not image.side:
            bad.add(image.file, None, "lies in neither folder of a side", "move it to A or B")
            continue
        name = unicodedata.normalize("NFC", PurePosixPath(image.file).stem)
        sides = known.setdefault((image.split, *image.below, name), {})
        if image.side in sides:
            other = sides[image.side].file
            bad.add(image.file, None, f"has the same name as {other}", "rename one")
            continue
        sides[image.side] = image
    found = []
    for sides in known.values():
        if len(sides) == 2:
            found.append(Pair(sides["a"], sides["b"]))
            continue
        [(side, image)] = sides.items()
        other = "B" if side == "a" else "A"
        bad.add(image.file, None, f"has no partner of the same name in {other}", "add it")
    return found


def decoded(pairs: Sequence[Pair], wanted: Wanted, bad: BadRows) -> "pd.DataFrame":
    """One row a pair, with the split that is told, if any, and uint8 ``pixels`` and ``target``."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for pair in pairs:
        images = _side_by_side(pair, wanted, bad) if pair.a is pair.b else _both(pair, wanted, bad)
        if images is None:
            continue
        source, target = images if wanted.direction == "AtoB" else reversed(images)
        rows.append(
            {
                "split": pair.a.split,
                "file": pair.a.file,
                "partner": pair.b.file,
                "pixels": source.ravel(),
                "target": target.ravel(),
                "key": digest(source, target),
                "group": digest(source),
                "source_contrast": float(source.std()),
                "target_contrast": float(target.std()),
            }
        )
    columns = ("split", "file", "partner", "pixels", "target", "key", "group")
    return pd.DataFrame(rows, columns=[*columns, "source_contrast", "target_contrast"])


def _side_by_side(pair: Pair, wanted: Wanted, bad: BadRows) -> tuple[Array, Array] | None:
    try:
        left, right = halves(pair.a.path)
    except ImageFileError as error:
        bad.add(pair.a.file, None, error.reason, error.remedy)
        return None
    return squared(left, wanted.side, wanted.colour), squared(right, wanted.side, wanted.colour)


def _both(pair: Pair, wanted: Wanted, bad: BadRows) -> tuple[Array, Array] | None:
    sizes, images = [], []
    for image in (pair.a, pair.b):
        try:
            sizes.append(inspect(image.path))
            shape = (wanted.side, wanted.side)
            images.append(read_image(image.path, 1 if wanted.colour == "grey" else 3, shape))
        except ImageFileError as error:
            bad.add(image.file, None, error.reason, error.remedy)
            return None
    a, b = sizes
    if abs(np.log(a.width * b.height / (a.height * b.width))) > SAME_PROPORTIONS:
        reason = (
            f"has {a.width:,} x {a.height:,} pixels and its partner {b.width:,} x {b.height:,}, "
            "which are other proportions: they cannot be cut alike"
        )
        bad.add(pair.a.file, None, reason, "give both the same proportions")
        return None
    return images[0], images[1]
