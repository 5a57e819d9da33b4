"""Handwritten digits from a CSV of pixels and a label, and their evaluation classifier."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.images import encode_pictures, picture_expectations, picture_table
from repertoire.data.sources import Files, expecting, one_member, unexpected
from repertoire.data.validation import Expectation

KIND = "images"
INK = (0.01, 0.5)  # least and most share of white
BRIGHTEST = 64  # which the brightest pixel of a picture reaches


@dataclass(frozen=True)
class Digits:
    """Which digits there are and how they are split; split sizes are a class."""

    members: str
    side: Count
    classes: Count
    seed: Seed
    valid_per_class: Natural
    test_per_class: Natural


@dataclass(frozen=True)
class Config(Digits):
    """``classifier_units`` holds the hidden widths of the perceptron."""

    classifier_units: tuple[Count, ...]
    classifier_iterations: Natural


def tabulate(config: Digits, files: Files) -> pd.DataFrame:
    """One row an image; the last CSV column is the label."""
    pixels, labels = read_rows(files["digits"], config.members, config.side**2)
    table = picture_table(pixels, labels)
    return split_by_class(table, config.seed, config.valid_per_class, config.test_per_class)


def read_rows(path: Path, pattern: str, width: int) -> tuple[Array, Array]:
    """Pixels (rows, width) and labels (rows,) of a compressed CSV in an archive."""
    name, content = one_member(path, pattern)
    with expecting(path, f"rows of numbers in {name}"):
        rows = np.loadtxt(io.BytesIO(gzip.decompress(content)), delimiter=",", dtype=np.int64)
    if rows.ndim != 2 or rows.shape[1] != width + 1:
        raise unexpected(path, f"{name} has not {width} pixels and a label a row")
    return rows[:, :-1], rows[:, -1]


def split_by_class(table: pd.DataFrame, seed: int, valid: int, test: int) -> pd.DataFrame:
    """So many images of each class for validation and test; no image occurs twice."""
    table = table.drop_duplicates("key")
    # The file is sorted by label: without a shuffle, the first rows would be of one class.
    table = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    rank = table.groupby("label").cumcount()
    table["split"] = np.where(rank < test, "test", np.where(rank < test + valid, "valid", "train"))
    return table


def expectations(config: Digits) -> list[Expectation]:
    """Pixel range, labels, balance and ink."""
    return picture_expectations(config.classes, INK, BRIGHTEST)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the evaluation classifier's weights."""
    names = tuple(map(str, range(config.classes)))
    return encode_pictures(config, names, config.side, table)
