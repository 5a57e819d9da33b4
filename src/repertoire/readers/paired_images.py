"""Anybody's pairs of images, in the layouts of pix2pix: what goes in, and what should come out.

A and B beside each other in one file (``train/1.jpg``, or without splits), or two folders of equal
file names (``helpers.images.two_sides``). Pairs with equal sources stay in one split;
where folders tell the splits, a training pair that occurs again in a later one is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed, Share, parse
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.image_files import RESIZED
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.readers.helpers.images.pairs import (
    Direction,
    Layout,
    Wanted,
    decoded,
    pairs_of,
)
from repertoire.readers.helpers.images.same_geometry import (
    Colour,
    chosen_colour,
    chosen_side,
    number,
    one_of,
    shape_of,
    share,
    with_splits,
)
from repertoire.readers.helpers.images.translation_facts import (
    augmentation_fact,
    colour_fact,
    file_fact,
    oddities,
    sampled,
    size_fact,
    sizes_of,
    split_fact,
)
from repertoire.readers.helpers.images.two_sides import Found, Placed, placed_images

KIND = "image_pairs"
OPTIONS = {
    "direction": "AtoB or BtoA: which side goes in (default: AtoB)",
    "side": "pixels of a side to which images are made, 16 to 128 (default: by their own sizes)",
    "colour": "grey or rgb (default: rgb if images have colours)",
    "mirror": "yes or no: half of the training pairs are mirrored (default: yes)",
    "valid-share": "share of the pairs held out for validation (default: 0.1)",
    "test-share": "share of the pairs held out for the test (default: 0.15)",
    "seed": "of the shares (default: 1)",
    "on-bad-row": "fail or drop: what happens to files that cannot be used (default: fail)",
}
LARGEST = 64  # pixels of a side by default: larger ones take long to learn on a processor
FEWEST = 20  # pairs
COPIED = 10**8  # values of training pairs and their copies that baselines look at, at most
SOLVED = 10**11  # products of the linear map, at most
WIDE = 1.5  # width of a height from which on a file can hold two images


@dataclass(frozen=True)
class Config:
    """``layout``: both images in one file, or in two folders of equal names.

    ``shift``: pixels by which the nets move training pairs at random; ``mirrored``: whether half of
    them are mirrored. The shares are of what folders do not tell.
    """

    layout: Layout
    direction: Direction
    side: Count
    colour: Colour
    shift: Natural
    mirrored: bool
    valid_share: Share
    test_share: Share
    seed: Seed
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a pair of a folder."""
    bad, raw = BadRows(config.bad_rows), files["raw"]
    found = placed_images(raw)
    if config.layout == "folders" and found.names is None:
        raise SourceError(f"{raw.name}: holds no two folders A and B; add it anew")
    pairs = pairs_of(found.images, config.layout, bad)
    wanted = Wanted(config.direction, config.side, config.colour)
    return bad.checked(split_pairs(decoded(pairs, wanted, bad), config))


def split_pairs(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The pairs in their splits, each once."""
    shares = {"valid": config.valid_share, "test": config.test_share}
    once = table.drop_duplicates(["split", "key"], ignore_index=True)
    same = pd.Series("", index=once.index)
    return with_splits(once, same, config.seed, shares).drop(columns="group")


def expectations(config: Config) -> list[Expectation]:
    """What every folder of pairs meets."""
    return [
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
        *(
            expect(
                f"not every {name} image is blank",
                "ExpectColumnMaxToBeBetween",
                column=f"{name}_contrast",
                min_value=1,
            )
            for name in ("source", "target")
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 ``sources`` and ``targets`` (pairs, side, side[, 3]) a split."""
    shape = shape_of(config.side, config.colour)
    arrays = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        arrays[split] = {
            key: np.stack(rows[column].to_list()).reshape(-1, *shape)
            for key, column in (("sources", "pixels"), ("targets", "target"))
        }
    source, target = "AB" if config.direction == "AtoB" else "BA"
    facts = {
        "side": config.side,
        "colours": 1 if config.colour == "grey" else 3,
        "pairs": {split: len(arrays[split]["sources"]) for split in SPLITS},
        "source": f"image {source}",
        "target": f"image {target}",
        "shift": config.shift,
        "mirrored": config.mirrored,
        "ink": False,
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": list(shape)}
    images |= RESIZED
    return Encoded(arrays, facts, {"images": images})


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Look at a sample of the images and propose how they are read."""
    found = BadRows(BadRowRule("drop", 1.0))
    folder = placed_images(raw)
    layout = _layout(folder)
    pairs = pairs_of(folder.images, layout, found)
    some = sampled(pairs, [pair.a for pair in pairs])
    files = [each for pair in some for each in dict.fromkeys((pair.a, pair.b))]
    known, halved = sizes_of(files), layout == "side_by_side"
    side = chosen_side([min(a.width // (1 + halved), a.height) for a in known], LARGEST, options)
    colour, coloured = chosen_colour([file.path for file in files], options)
    settings = {"layout": layout, "side": side, "colour": colour, **_settings(side, options)}
    config = parse(Config, {**settings, "bad_rows": asdict(found.rule)}, "the proposal")
    total = len(some) + len(found.rows)
    table = decoded(some, Wanted(config.direction, side, colour), found)
    rule, unusable = bad_row_rule(found, total, options, "pairs")
    if len(table) < min(FEWEST, len(some)) or len(pairs) < FEWEST:
        raise SourceError(f"{raw.name}: {len(table):,} pairs can be used; it takes {FEWEST}")
    sample = split_pairs(table, config)
    facts = [
        file_fact(folder.images, known),
        _of_pairs(folder, layout, len(pairs)),
        Fact("direction", f"{config.direction}: {_direction(config, folder)} (--direction)"),
        size_fact(side, known, halved),
        colour_fact(colour, coloured),
        split_fact([pair.a.split for pair in pairs], settings),
        augmentation_fact(config.shift, config.mirrored, "both images of a training pair are"),
        *oddities(table, sample, folder.others, "pairs"),
        unusable,
    ]
    baseline = _baseline(config, round(len(pairs) * (sample["split"] == "train").mean()))
    settings["bad_rows"] = asdict(rule)
    return Proposal("paired_images", settings, baseline, facts, sample, len(pairs))


def _settings(side: int, options: Mapping[str, str]) -> dict[str, Any]:
    """What options decide, or usual values."""
    return {
        "direction": one_of(options, "direction", ("AtoB", "BtoA")),
        "shift": side // 16,  # Isola et al. 2017, appendix 6.2: 286 pixels cropped to 256
        "mirrored": one_of(options, "mirror", ("yes", "no")) == "yes",
        "valid_share": share(options, "valid-share", 0.1),
        "test_share": share(options, "test-share", 0.15),
        "seed": number(options, "seed", 1, 0, 2**32 - 1),
    }


def _layout(folder: Found) -> Layout:
    """Two folders where there are such; else both images in one file, which then is wide."""
    if folder.names is not None and (folder.names == ("A", "B") or _share_names(folder.images)):
        return "folders"
    known = sizes_of(sampled(folder.images, folder.images))
    if known and np.median([about.width / about.height for about in known]) < WIDE:
        raise SourceError(
            f"{folder.images[0].file}: {known[0].width:,} x {known[0].height:,} pixels are no two "
            "images side by side; lay pairs of files in two folders A and B under equal names"
        )
    return "side_by_side"


def _share_names(images: Sequence[Placed]) -> bool:
    a, b = ({image.path.stem for image in images if image.side == side} for side in "ab")
    return bool(a & b)


def _of_pairs(folder: Found, layout: Layout, count: int) -> Fact:
    if layout == "side_by_side":
        return Fact("pairs", f"{count:,}: A is the left half of a file, B the right one")
    a, b = folder.names or ("A", "B")
    return Fact("pairs", f"{count:,}: files of equal names in the folders {a} (A) and {b} (B)")


def _direction(config: Config, folder: Found) -> str:
    a, b = folder.names or ("A", "B")
    source, target = (a, b) if config.direction == "AtoB" else (b, a)
    return f"{source} goes in, {target} should come out"


def _baseline(config: Config, train: int) -> dict[str, Any]:
    """Fewer candidates where there are many pairs, or large ones."""
    values = config.side**2 * (1 if config.colour == "grey" else 3)
    copies = [0, 4] if 5 * train * values <= COPIED else [0]
    rows = train * (1 + copies[-1])
    linear = min(rows, values) ** 2 * max(rows, values) <= SOLVED
    return {
        "copies": copies,
        "shift": config.shift,
        "mirrored": config.mirrored,
        "neighbours": [n for n in (1, 5, 15) if n <= train],
        "penalties": [1.0, 10.0, 100.0] if linear else [],
        "seed": config.seed,
    }
