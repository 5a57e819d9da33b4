"""MNIST and USPS digits in their official files and splits, without pairs.

Domain A: MNIST in IDX files. Domain B: the digits of envelopes (Hull 1994), 16x16, in a MATLAB file
whose first rows are the official training part; enlarged to MNIST's side. Validation pictures are
drawn from both training parts.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed, Share
from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.images import picture_table
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.image_domains.encoding import DOMAINS, Classifiers, encode_domains, enlarged
from repertoire.readers.idx_images import read_idx

KIND = "image_domains"
SMALL = 16  # side of a USPS digit


@dataclass(frozen=True)
class Config:
    """Sources: ``train_images``, ``train_labels``, ``test_images``, ``test_labels``, ``usps``."""

    side: Count
    classes: Count
    usps_train: Count  # rows of the official training part
    valid_share: Share  # of each training part
    seed: Seed
    classifier_units: tuple[Count, ...]
    classifier_iterations: Natural


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a digit; what occurs in the test part too is left out of training."""
    parts = []
    for split in ("test", "train"):
        images = read_idx(files[f"{split}_images"], 3).reshape(-1, config.side**2)
        rows = picture_table(images, read_idx(files[f"{split}_labels"], 1).astype(np.int64))
        parts.append(rows.assign(domain="a", split=split))
    pixels, labels = _usps(files["usps"], config)
    rows = picture_table(pixels, labels).assign(domain="b")
    rows["split"] = np.where(np.arange(len(rows)) < config.usps_train, "train", "test")
    parts += [rows[rows["split"] == split] for split in ("test", "train")]
    table = pd.concat(parts, ignore_index=True).drop_duplicates("key", ignore_index=True)
    drawn = np.random.default_rng(config.seed).random(len(table)) < config.valid_share
    table.loc[drawn & (table["split"] == "train"), "split"] = "valid"
    return table


def _usps(path: Path, config: Config) -> tuple[Array, Array]:
    """uint8 pixels (rows, side²) and labels (rows,); the last column of the file is label + 1."""
    # Imported late: only this reader needs it.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with expecting(path, "a MATLAB file of digits"):
        try:
            content = loadmat(path)
        except (MatReadError, NotImplementedError) as error:
            raise ValueError(str(error)) from error
        [rows] = [v for k, v in content.items() if not k.startswith("__")]
        images, labels = rows[:, :-1], rows[:, -1].astype(np.int64) - 1
        small = images.astype(np.float64).reshape(-1, SMALL, SMALL)
    large = enlarged(small, config.side).round().astype(np.uint8)
    return large.reshape(len(large), -1), labels


def expectations(config: Config) -> list[Expectation]:
    """Known classes and domains, and no digit twice."""
    return [
        expect(
            "labels are the known classes",
            "ExpectColumnValuesToBeInSet",
            column="label",
            value_set=list(range(config.classes)),
        ),
        expect(
            "a picture is of one of two collections",
            "ExpectColumnValuesToBeInSet",
            column="domain",
            value_set=list(DOMAINS),
        ),
        expect("no digit occurs twice", "ExpectColumnValuesToBeUnique", column="key"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Arrays and classifiers as ``encode_domains`` gives them."""
    facts = {
        "classes": config.classes,
        "names": [str(digit) for digit in range(config.classes)],
        "domains": {"a": "MNIST digit", "b": "USPS digit"},
        "paired": False,
    }
    settings = Classifiers(config.classifier_units, config.classifier_iterations, config.seed)
    return encode_domains(table, (config.side, config.side), settings, facts)
