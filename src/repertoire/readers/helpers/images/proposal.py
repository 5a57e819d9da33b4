"""What a folder of images is proposed to become, and the sentences that say why."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from repertoire.config import ConfigError
from repertoire.data.doors import SAMPLE_BYTES, BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.image_files import ImageFile, ImageFileError, inspect, is_colour
from repertoire.data.sources import SourceError
from repertoire.kinds.images.encoding import ROWS, TURNS
from repertoire.kinds.images.sizes import SIDES, code_width, divisor, usable
from repertoire.readers.helpers.images.layouts import Choice, Folder, Listed, read_folder
from repertoire.readers.helpers.images.sizes import sizes_words
from repertoire.readers.helpers.images.tables import (
    Colour,
    decoded,
    with_known_classes,
    with_splits,
)

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

READER = "image_folder"
FEWEST = 30  # images
LOOKED_AT = 2000  # images of which a proposal knows the pixels, at most
COLOURS_OF = 200  # of them that are asked for colours
COLOURED = 0.05  # share of coloured images from which on all are read in colours
LARGEST_DEFAULT = 32  # pixels of a side: larger ones are learnt in hours, not minutes
SHOWN = 60_000  # images that an evaluation classifier is shown, over all passes
DROP = BadRowRule("drop", 1.0)
SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}


def proposal(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Config, baselines and facts, of a sample where there are many images or large ones."""
    bad = BadRows(DROP)
    folder = read_folder(raw, _choice(options), bad)
    total = len(folder.images) + len(bad.rows)
    images = _sampled(folder.images)
    known = _inspected(images, bad)
    colour, coloured = _colour([image for image, _ in known], options)
    side, why_side = _side([about for _, about in known], options)
    valid_share = _number(options, "valid-share", 0.1, float, 0.0, 0.9)
    test_share = _number(options, "test-share", 0.2, float, 0.0, 0.9)
    seed = _number(options, "seed", 1, int, 0, 2**32 - 1)
    table = decoded([image for image, _ in known], side, colour, bad)
    rule, unusable = bad_row_rule(bad, total, options, "images")
    if len(table) < FEWEST:
        raise SourceError(f"{len(table)} images can be used; at least {FEWEST} are needed")
    sample = with_known_classes(with_splits(table, valid_share, test_share, seed), BadRows(DROP))
    rows = round(len(folder.images) * len(sample) / max(1, len(images)))
    train = round(rows * float((sample["split"] == "train").mean()))
    config = {
        "side": side,
        "colour": colour,
        "labels": folder.labels,
        "column": folder.column,
        "valid_share": valid_share,
        "test_share": test_share,
        "seed": seed,
        "bad_rows": asdict(rule),
        "classifier_units": [128, 64],
        "classifier_iterations": _passes(train, folder.labels != "none"),
    }
    unread = {row["file"] for row in bad.rows}
    used = replace(folder, images=[each for each in folder.images if each.file not in unread])
    facts = [
        _of_files(folder, known, len(images)),
        Fact("size", f"{side} x {side} pixels{why_side}"),
        Fact("colour", f"{colour}: {coloured}"),
        _of_classes(used),
        _of_splits(used, valid_share, test_share),
        unusable,
        *_oddities(folder, known, table, sample),
    ]
    return Proposal(READER, config, _baseline(side, colour, train), facts, sample, rows)


def _passes(train: int, classes: bool) -> int:
    """Of the evaluation classifier over its images, so that it is trained in some seconds."""
    images = min(ROWS, train if classes else TURNS * train)
    return int(np.clip(SHOWN // max(1, images), 6, 60))


def _choice(options: Mapping[str, str]) -> Choice:
    label = options.get("label", "")
    if label in ("", "none", "folder"):
        return Choice({"": None, "none": "none", "folder": "folders"}[label])
    return Choice("metadata", label)


def _one_of(options: Mapping[str, str], name: str, values: Sequence[str]) -> str:
    value = options.get(name, values[0])
    if value not in values:
        raise ConfigError(f"--{name} {value}: takes {' or '.join(values)}")
    return value


def _number(
    options: Mapping[str, str], name: str, default: T, kind: Callable[[str], T], low: T, high: T
) -> T:
    value: Any = options.get(name)
    if value is None:
        return default
    try:
        found: Any = kind(value)
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise ConfigError(f"--{name} {value}: takes a number from {low} to {high}")
    return found


def _sampled(images: Sequence[Listed]) -> list[Listed]:
    """Evenly spaced images of each split, as many as ``SAMPLE_BYTES`` hold."""
    sizes = [image.path.stat().st_size for image in images if image.path.exists()]
    many = min(LOOKED_AT, max(60, int(SAMPLE_BYTES / max(1.0, float(np.mean(sizes or [1]))))))
    chosen: list[Listed] = []
    for split in sorted({image.split for image in images}):
        own = [image for image in images if image.split == split]
        count = min(len(own), max(20, round(many * len(own) / len(images))))
        places = np.linspace(0, len(own) - 1, count).round().astype(int)
        chosen += [own[place] for place in np.unique(places)]
    return chosen


def _inspected(images: Sequence[Listed], bad: BadRows) -> list[tuple[Listed, ImageFile]]:
    known = []
    for image in images:
        try:
            known.append((image, inspect(image.path)))
        except ImageFileError as error:
            bad.add(image.file, None, error.reason)
    return known


def _colour(images: Sequence[Listed], options: Mapping[str, str]) -> tuple[Colour, str]:
    if "colour" in options:
        grey = _one_of(options, "colour", ("grey", "rgb")) == "grey"
        return "grey" if grey else "rgb", "as --colour says"
    places = np.unique(np.linspace(0, len(images) - 1, COLOURS_OF).round().astype(int))
    found = []
    for image in [images[place] for place in places] if images else []:
        try:
            found.append(is_colour(image.path))
        except ImageFileError:
            continue  # decoding will refuse it
    share = float(np.mean(found)) if found else 0.0
    what = f"{sum(found)} of {len(found)} images that were looked at have colours"
    return "rgb" if share >= COLOURED else "grey", f"{what} (--colour)"


def _side(known: Sequence[ImageFile], options: Mapping[str, str]) -> tuple[int, str]:
    shorter = [min(about.width, about.height) for about in known]
    widths, heights = ([getattr(about, axis) for about in known] for axis in ("width", "height"))
    if not known:
        return SIDES[0], ""
    if "side" in options:
        side = _number(options, "side", 0, int, *SIDES)
        if side % divisor(side):
            raise ConfigError(
                f"--side {side}: takes a multiple of {divisor(side)} there, such as {usable(side)}"
            )
    else:
        side = usable(min(int(np.median(shorter)), LARGEST_DEFAULT))
    if set(widths) == set(heights) == {side}:
        return side, ", as they are"
    sizes = f"files have {sizes_words(list(zip(widths, heights, strict=True)))}"
    done = "the centred square is resized by a Lanczos filter"
    return side, f" ({sizes}; {done}; --side {SIDES[0]} to {SIDES[1]})"


def _of_files(folder: Folder, known: Sequence[tuple[Listed, ImageFile]], count: int) -> Fact:
    formats = Counter(about.format for _, about in known)
    listed = ", ".join(f"{name} {count:,}" for name, count in formats.most_common())
    looked = "" if count == len(folder.images) else f"; {count:,} of them were looked at"
    return Fact("images", f"{len(folder.images):,} files{looked}: {listed}")


def _of_classes(folder: Folder) -> Fact:
    counts = Counter(image.label for image in folder.images)
    if folder.labels == "none":
        return Fact("classes", f"none: {folder.why} (--label)")
    shown = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(5))
    rest = f" and {len(counts) - 5:,} more" if len(counts) > 5 else ""
    return Fact("classes", f"{len(counts):,}, {folder.why}: {shown}{rest}")


def _of_splits(folder: Folder, valid_share: float, test_share: float) -> Fact:
    shares = {"valid": valid_share, "test": test_share}
    told = Counter(image.split for image in folder.images)
    if set(told) == {""}:
        held = ", ".join(f"{100 * s:g} % {SPLIT_NAMES[n]}" for n, s in shares.items())
        return Fact("split", f"by chance, equal images together: {held} (--test-share, …)")
    listed = ", ".join(f"{SPLIT_NAMES[name]} {told[name]:,}" for name in SPLIT_NAMES if told[name])
    missing = [name for name in ("test", "valid") if not told[name]]
    drawn = "".join(
        f"; {100 * shares[name]:g} % of training is taken for {SPLIT_NAMES[name]}"
        for name in missing
    )
    return Fact("split", f"as folders or the column split tell: {listed}{drawn}")


def _oddities(
    folder: Folder,
    known: Sequence[tuple[Listed, ImageFile]],
    table: "pd.DataFrame",
    sample: "pd.DataFrame",
) -> list[Fact]:
    facts = []
    repeated = int(table["key"].duplicated().sum())
    if repeated:
        left = len(table) - len(sample)
        out = f"; {left:,} are left out, for a later split has them" if left else ""
        facts.append(Fact("repeated", f"{repeated:,} images equal another one{out}"))
    labels = table.groupby("key")["label"].nunique()
    if doubtful := int((labels > 1).sum()):
        facts.append(Fact("doubtful", f"{doubtful:,} images occur in two classes"))
    if blank := int((table["minimum"] == table["maximum"]).sum()):
        facts.append(Fact("blank", f"{blank:,} images have one level alone"))
    if folder.others:
        shown = ", ".join(folder.others[:3]) + (", …" if len(folder.others) > 3 else "")
        facts.append(Fact("other files", f"{len(folder.others):,} are not looked at: {shown}"))
    return facts


def _baseline(side: int, colour: Colour, train: int) -> dict[str, Any]:
    return {
        "of": ["levels"],
        "likelihoods": {
            "components": [20],
            "shifts": [0],
            "iterations": 10,
            "radius": 2,
            "penalties": [1.0],
        },
        "generators": {
            "components": [count for count in (5, 10, 20) if 10 * count <= train] or [1],
            "width": 32,
        },
        "widths": [code_width(side, 1 if colour == "grey" else 3)],
        "seed": 1,
        "corruption": {},
        "penalties": [1.0],
    }
