"""What the doors for translation between images look at, and the sentences that say it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from repertoire.data.doors import SAMPLE_BYTES, Fact, OptionNeeded
from repertoire.data.image_files import ImageFile, ImageFileError, inspect
from repertoire.readers.helpers.images.same_geometry import LARGEST, LEAST, Colour, one_of
from repertoire.readers.helpers.images.two_sides import SIDES, Found, Placed

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

LOOKED_AT = 600  # images, or pairs, whose pixels a proposal knows, at most
EACH = 20  # of each split and side, at least
FEWEST_OF_CLASS = 3  # images in each domain: one for each split
MOST_CLASSES = 1000
SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}


def sampled(items: Sequence[T], files: Sequence[Placed]) -> list[T]:
    """Evenly spaced items of each split and side, so many as ``SAMPLE_BYTES`` hold.

    ``files`` has one file of each item, which tells split, side and size.
    """
    sizes = [file.path.stat().st_size for file in files if file.path.exists()]
    mean = max(1.0, float(np.mean(sizes or [1])))
    share = min(1.0, LOOKED_AT / max(1, len(items)), SAMPLE_BYTES / mean / max(1, len(items)))
    chosen: list[int] = []
    places = [(file.split, file.side) for file in files]
    for place in dict.fromkeys(places):
        own = [number for number, each in enumerate(places) if each == place]
        count = min(len(own), max(EACH, round(share * len(own))))
        chosen += [own[n] for n in np.linspace(0, len(own) - 1, count).round().astype(int)]
    return [items[number] for number in dict.fromkeys(chosen)]


def sizes_of(files: Sequence[Placed]) -> list[ImageFile]:
    """What the heads of files say; damaged ones are refused when they are decoded."""
    known = []
    for file in files:
        try:
            known.append(inspect(file.path))
        except ImageFileError:
            continue
    return known


def file_fact(images: Sequence[Placed], known: Sequence[ImageFile]) -> Fact:
    """How many files there are, and of which formats."""
    formats = Counter(about.format for about in known)
    listed = ", ".join(f"{name} {count:,}" for name, count in formats.most_common())
    looked = "" if len(known) >= len(images) else f"; {len(known):,} of them were looked at"
    return Fact("images", f"{len(images):,} files{looked}: {listed}")


def classes_below(folder: Found, options: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """Names of folders that lie below both domains, and why they are classes, or there are none."""
    if one_of(options, "label", ("folder", "none")) == "none":
        return (), "none, as --label none says"
    counts = Counter((image.side, image.below[0]) for image in folder.images if image.below)
    a, b = ({name for at, name in counts if at == side} for side in SIDES)
    if not a and not b:
        return (), "none: the images of a domain lie in one folder"
    if a != b:
        only = ", ".join(sorted(a ^ b)[:3])
        return (), f"none: the folders below both domains differ ({only} in one alone)"
    if len(a) < 2:
        return (), f"none: all images lie in one folder, {a.pop()}"
    if len(a) > MOST_CLASSES:
        raise OptionNeeded(
            f"{len(a):,} folders are too many for classes (at most {MOST_CLASSES:,}); say "
            "--label none"
        )
    if few := [key for key, count in counts.items() if count < FEWEST_OF_CLASS]:
        side, name = few[0]
        return (), f"none: {name} has fewer than {FEWEST_OF_CLASS} images in {side.upper()}"
    names = tuple(sorted(a))
    return names, f"{len(names):,}, a folder each: {', '.join(names[:5])} (--label none: ignore)"


def size_fact(side: int, known: Sequence[ImageFile], halved: bool) -> Fact:
    """The size of the arrays, those of the files, and how the one becomes the other."""
    of = "image" if not halved else "half"
    widths = [about.width // (1 + halved) for about in known]
    heights = [about.height for about in known]
    if set(widths) == set(heights) == {side}:
        return Fact("size", f"{side} x {side} pixels, as they are")
    least, most = f"{min(widths)} x {min(heights)}", f"{max(widths)} x {max(heights)}"
    sizes = least if least == most else f"{least} to {most}"
    return Fact(
        "size",
        f"{side} x {side} pixels: of each {of} ({sizes}) the centred square, resized by a Lanczos "
        f"filter (--side {LEAST} to {LARGEST})",
    )


def colour_fact(colour: Colour, why: str) -> Fact:
    """One for all images."""
    said = "grey" if colour == "grey" else "rgb for all images, grey ones too"
    return Fact("colour", f"{said}: {why}")


def split_fact(splits: Sequence[str], config: Mapping[str, Any]) -> Fact:
    """What decides the splits, by the names of folders of each item ("" for none)."""
    told = Counter(splits)
    shares = {"valid": config["valid_share"], "test": config["test_share"]}
    if set(told) <= {""}:
        held = ", ".join(f"{100 * value:g} % {SPLIT_NAMES[s]}" for s, value in shares.items())
        return Fact(
            "split", f"by chance, equal images together: {held} (--valid-share, --test-share)"
        )
    listed = ", ".join(f"{SPLIT_NAMES[s]} {told[s]:,}" for s in SPLIT_NAMES if told[s])
    taken = "".join(
        f"; {100 * value:g} % of training is taken for {SPLIT_NAMES[s]} (--{s}-share)"
        for s, value in shares.items()
        if not told[s]
    )
    return Fact("split", f"as folders tell: {listed}{taken}")


def augmentation_fact(shift: int, mirrored: bool, what: str) -> Fact:
    """How training images are moved."""
    half = "half of them mirrored" if mirrored else "none mirrored"
    return Fact("augmentation", f"{what} moved by up to {shift} pixels, {half} (--mirror yes, no)")


def oddities(
    table: "pd.DataFrame", sample: "pd.DataFrame", others: Sequence[str], items: str
) -> list[Fact]:
    """Repeats and files that are no images, where there are any."""
    facts = []
    repeated = int(table["key"].duplicated().sum())
    if repeated:
        left = len(table) - len(sample)
        out = f"; {left:,} are left out, for they occur in one split twice or in a later one"
        facts.append(Fact("repeated", f"{repeated:,} {items} equal others{out if left else ''}"))
    if others:
        shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        facts.append(Fact("other files", f"{len(others):,} are not looked at: {shown}"))
    return facts
