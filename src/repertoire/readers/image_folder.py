"""Anybody's images in a folder: ``train/<class>/x.png``, ``<class>/x.png``, flat, or metadata.

``helpers.images.layouts`` states the layouts, ``repertoire.data.image_files`` how
a file becomes pixels. Images whose pixels are equal at the wanted size stay in one split; where
folders tell the splits, a training image that occurs again in validation or test is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed, Share
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.image_files import RESIZED
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.images.encoding import Classifier, Split, encode_images
from repertoire.readers.helpers.images.layouts import Choice, Labels, read_folder
from repertoire.readers.helpers.images.proposal import proposal
from repertoire.readers.helpers.images.tables import (
    PIXELS,
    Colour,
    class_names,
    decoded,
    with_known_classes,
    with_splits,
)

KIND = "images"
OPTIONS = {
    "side": "pixels of a side to which images are made, 16 to 128 (default: by their own sizes)",
    "colour": "grey or rgb (default: rgb if images have colours)",
    "label": "the metadata column of the class; folder: the folders; none: no classes",
    "valid-share": "share of the images held out for validation (default: 0.1)",
    "test-share": "share of the images held out for the test (default: 0.2)",
    "seed": "of the shares (default: 1)",
    "on-bad-row": "fail or drop: what happens to files that cannot be used (default: fail)",
}


@dataclass(frozen=True)
class Config:
    """``labels`` are those of folders, of the metadata's ``column``, or none.

    The shares are of what folders or the metadata do not tell.
    """

    side: Count
    colour: Colour
    labels: Labels
    column: str
    valid_share: Share
    test_share: Share
    seed: Seed
    bad_rows: BadRowRule
    classifier_units: tuple[Count, ...]
    classifier_iterations: Natural


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an image; the decoded images lie in a temporary file that the table carries."""
    bad, raw = BadRows(config.bad_rows), files["raw"]
    folder = read_folder(raw, Choice(config.labels, config.column), bad)
    if folder.labels != config.labels:
        raise SourceError(f"{raw.name}: has no classes ({folder.why}); set labels to none")
    table = decoded(folder.images, config.side, config.colour, bad)
    table = with_splits(table, config.valid_share, config.test_share, config.seed)
    return bad.checked(with_known_classes(table, bad))


def expectations(config: Config) -> list[Expectation]:
    """What every folder of images meets."""
    classes = config.labels != "none"
    return [
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
        expect("images have pixels", "ExpectColumnValuesToBeBetween", column="width", min_value=1),
        expect(
            "levels are 0 to 255",
            "ExpectColumnValuesToBeBetween",
            column="mean",
            min_value=0,
            max_value=255,
        ),
        expect(
            "not every image is blank",
            "ExpectColumnMaxToBeBetween",
            column="maximum",
            min_value=1,
        ),
        expect(
            "there are 2 to 1,000 classes, or none",
            "ExpectColumnUniqueValueCountToBeBetween",
            column="label",
            min_value=2 if classes else 1,
            max_value=1000 if classes else 1,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the feature space in which they are compared."""
    names = class_names(table["label"]) if config.labels != "none" else ()
    numbers = {name: number for number, name in enumerate(names)}
    splits = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        labels: Array | None = None
        if names:
            labels = rows["label"].map(numbers).to_numpy(np.int64)
        splits[split] = Split(rows["place"].to_numpy(), labels)
    settings = Classifier(config.classifier_units, config.classifier_iterations, config.seed)
    encoded = encode_images(table.attrs[PIXELS], splits, names, settings)
    encoded.facts["ink"] = False  # is shown as it is
    encoded.encodings["images"] |= RESIZED
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Look at a sample of the images and propose how they are read."""
    return proposal(raw, options)
