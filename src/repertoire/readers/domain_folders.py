"""Anybody's images of two domains without pairs, in the layouts of CycleGAN.

``trainA``, ``trainB``, ``testA``, ``testB``, or two folders (``repertoire.readers.helpers.
two_sides``); folders below, the same in both, are classes. Equal images stay in one split, whatever
their domain; where folders tell the splits, a training image that occurs again in a later one is
left out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed, Share, parse
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Fact, Proposal, bad_row_rule
from repertoire.data.image_files import RESIZED, ImageFileError, read_image
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.image_domains.encoding import DOMAINS, Spaces, encode_any_domains
from repertoire.readers.helpers.images.same_geometry import (
    Colour,
    chosen_colour,
    chosen_side,
    digest,
    number,
    one_of,
    shape_of,
    share,
    with_splits,
)
from repertoire.readers.helpers.images.translation_facts import (
    augmentation_fact,
    classes_below,
    colour_fact,
    file_fact,
    oddities,
    sampled,
    size_fact,
    sizes_of,
    split_fact,
)
from repertoire.readers.helpers.images.two_sides import Found, Placed, in_splits, placed_images

KIND = "image_domains"
OPTIONS = {
    "side": "pixels of a side to which images are made, 16 to 128 (default: by their own sizes)",
    "colour": "grey or rgb (default: rgb if images have colours)",
    "label": "folder or none: whether folders below those of the domains are classes",
    "mirror": "yes or no: half of the training images are mirrored (default: yes)",
    "valid-share": "share of the images held out for validation (default: 0.1)",
    "test-share": "share of the images held out for the test (default: 0.15)",
    "seed": "of the shares and of the evaluation classifiers (default: 1)",
    "on-bad-row": "fail or drop: what happens to files that cannot be used (default: fail)",
}
LARGEST = 32  # pixels of a side by default: larger ones take long to learn on a processor
FEWEST = 20  # images of a domain
COMPONENTS = (2, 32)  # of pixels in which domains without classes are compared
# Test images a component: the distance between finite samples of one distribution grows with the
# number of components (Chong and Forsyth 2020), and would hide what is measured.
PER_COMPONENT = 8
TRANSPORTED = 1024  # values of an image up to which the linear map is fitted


@dataclass(frozen=True)
class Config:
    """``domains``: what A and B are called; ``classes``: folders below both, none without classes.

    ``shift``: pixels by which the nets move training images at random; ``mirrored``: whether half
    of them are mirrored. The shares are of what folders do not tell. ``spaces``: in what
    translations are compared with real images.
    """

    domains: tuple[str, ...]
    classes: tuple[str, ...]
    side: Count
    colour: Colour
    shift: Natural
    mirrored: bool
    valid_share: Share
    test_share: Share
    seed: Seed
    spaces: Spaces
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an image of a folder."""
    bad, raw = BadRows(config.bad_rows), files["raw"]
    images = _of_domains(_both(raw, placed_images(raw)), config.classes, bad)
    return bad.checked(split_images(_decoded(images, config, bad), config))


def _both(raw: Path, found: Found) -> Found:
    if found.names is None:
        raise SourceError(
            f"{raw.name}: holds no two domains; lay their images in trainA, trainB, testA and "
            "testB, or in two folders"
        )
    return found


def _of_domains(found: Found, classes: Sequence[str], bad: BadRows) -> list[Placed]:
    """Images of a split, if there are any, of a domain, and of a class, if there are any."""
    usable = []
    for image in in_splits(found.images, bad):
        if not image.side:
            bad.add(image.file, None, "lies in neither domain's folder", "move it to A or B")
        elif classes and image.below[:1] not in {(name,) for name in classes}:
            named = ", ".join(classes[:5])
            bad.add(image.file, None, f"lies in no folder of a class ({named})", "move it to one")
        else:
            usable.append(image)
    return usable


def _decoded(images: Sequence[Placed], config: Config, bad: BadRows) -> pd.DataFrame:
    """One row an image, with the split that is told, if any, and uint8 ``pixels``."""
    rows: list[dict[str, Any]] = []
    numbers = {name: number for number, name in enumerate(config.classes)}
    for image in images:
        try:
            size = (config.side, config.side)
            pixels = read_image(image.path, 1 if config.colour == "grey" else 3, size)
        except ImageFileError as error:
            bad.add(image.file, None, error.reason, error.remedy)
            continue
        key = digest(pixels)
        rows.append(
            {
                "split": image.split,
                "domain": image.side,
                "label": numbers[image.below[0]] if numbers else -1,
                "file": image.file,
                "pixels": pixels.ravel(),
                "key": key,
                "group": key,
                "contrast": float(pixels.std()),
            }
        )
    columns = ("split", "domain", "label", "file", "pixels", "key", "group", "contrast")
    return pd.DataFrame(rows, columns=list(columns))


def split_images(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The images in their splits, each once in a domain; classes are alike in all splits."""
    shares = {"valid": config.valid_share, "test": config.test_share}
    once = table.drop_duplicates(["split", "domain", "key"], ignore_index=True)
    classes = once["domain"] + once["label"].astype(str)
    return with_splits(once, classes, config.seed, shares).drop(columns="group")


def expectations(config: Config) -> list[Expectation]:
    """What all images of two domains meet."""
    return [
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
        expect(
            "both domains have images",
            "ExpectColumnDistinctValuesToEqualSet",
            column="domain",
            value_set=list(DOMAINS),
        ),
        expect(
            "labels are the known classes, or there are none",
            "ExpectColumnValuesToBeBetween",
            column="label",
            min_value=0 if config.classes else -1,
            max_value=len(config.classes) - 1,
        ),
        expect(
            "not every image is blank",
            "ExpectColumnMaxToBeBetween",
            column="contrast",
            min_value=1,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Arrays, and the spaces in which they are compared, as ``encode_any_domains`` gives them."""
    train = table[table["split"] == "train"]["domain"].value_counts()
    facts = {
        "classes": len(config.classes),
        "names": list(config.classes),
        "domains": dict(zip(DOMAINS, config.domains, strict=True)),
        "training_images": {domain: int(train.get(domain, 0)) for domain in DOMAINS},
        "paired": False,
        "shift": config.shift,
        "mirrored": config.mirrored,
        "ink": False,
    }
    shape = shape_of(config.side, config.colour)
    encoded = encode_any_domains(table, shape, config.spaces, facts)
    encoded.encodings["images"] |= RESIZED
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Look at a sample of the images and propose how they are read."""
    found = BadRows(BadRowRule("drop", 1.0))
    folder = _both(raw, placed_images(raw))
    classes, why = classes_below(folder, options)
    images = _of_domains(folder, classes, found)
    some = sampled(images, images)
    known = sizes_of(some)
    side = chosen_side([min(about.width, about.height) for about in known], LARGEST, options)
    colour, coloured = chosen_colour([image.path for image in some], options)
    settings = {
        "domains": list(folder.names or ()),
        "classes": list(classes),
        "side": side,
        "colour": colour,
        **_settings(side, images, options),
    }
    config = parse(Config, {**settings, "bad_rows": asdict(found.rule)}, "the proposal")
    total = len(some) + len(found.rows)
    table = _decoded(some, config, found)
    rule, unusable = bad_row_rule(found, total, options, "images")
    _refuse_few(raw, folder, images, table)
    sample = split_images(table, config)
    facts = [
        file_fact(folder.images, known),
        _of_both(folder, images),
        Fact("classes", why),
        size_fact(side, known, False),
        colour_fact(colour, coloured),
        split_fact([image.split for image in images], settings),
        augmentation_fact(config.shift, config.mirrored, "training images are"),
        *oddities(table, sample, folder.others, "images"),
        unusable,
    ]
    settings["bad_rows"] = asdict(rule)
    few = side**2 * (1 if colour == "grey" else 3) <= TRANSPORTED
    baseline = {"ridges": [1.0, 10.0, 100.0, 1000.0] if classes and few else None}
    return Proposal("domain_folders", settings, baseline, facts, sample, len(images))


def _settings(side: int, images: Sequence[Placed], options: Mapping[str, str]) -> dict[str, Any]:
    """What options decide, or usual values."""
    seed = number(options, "seed", 1, 0, 2**32 - 1)
    test_share = share(options, "test-share", 0.15)
    tested = [
        sum(image.split == "test" and image.side == domain for image in images)
        or test_share * sum(image.side == domain for image in images)
        for domain in DOMAINS
    ]
    return {
        "shift": side // 16,
        "mirrored": one_of(options, "mirror", ("yes", "no")) == "yes",
        "valid_share": share(options, "valid-share", 0.1),
        "test_share": test_share,
        "seed": seed,
        "spaces": {
            "units": [128, 64],
            "iterations": int(np.clip(100_000 // max(1, len(images)), 15, 60)),
            "components": int(np.clip(min(tested) / PER_COMPONENT, *COMPONENTS)),
            "seed": seed,
        },
    }


def _of_both(folder: Found, images: Sequence[Placed]) -> Fact:
    counts = Counter(image.side for image in images)
    a, b = folder.names or ("A", "B")
    said = f"A is {a} ({counts['a']:,} images)" if a != "A" else f"A has {counts['a']:,} images"
    other = f"B is {b} ({counts['b']:,})" if b != "B" else f"B {counts['b']:,}"
    return Fact("domains", f"{said}, {other}; a net each way is learned")


def _refuse_few(raw: Path, folder: Found, images: Sequence[Placed], table: pd.DataFrame) -> None:
    for side, name in zip(DOMAINS, folder.names or (), strict=True):
        all_of = sum(image.side == side for image in images)
        usable = int((table["domain"] == side).sum())
        if all_of < FEWEST or usable < FEWEST // 2:
            raise SourceError(
                f"{raw.name}: {usable:,} images of {name} can be used; it takes {FEWEST}"
            )
