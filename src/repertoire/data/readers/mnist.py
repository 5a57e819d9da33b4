"""Handwritten digits from a CSV of pixels and a label, and a judge that knows them."""

import gzip
import io
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.pictures import encode_pictures, picture_expectations, picture_table
from repertoire.data.sources import Files, SourceError, members
from repertoire.data.validation import Expectation

INK = (0.01, 0.5)  # least and most share of white
BRIGHTEST = 64  # which the brightest pixel of a picture reaches


@dataclass(frozen=True)
class Digits:
    """Which digits there are and how they are split; split sizes are a class."""

    members: str
    side: int
    classes: int
    seed: int
    valid_per_class: int
    test_per_class: int


@dataclass(frozen=True)
class Config(Digits):
    """``judge_units`` holds the hidden widths of the perceptron."""

    judge_units: tuple[int, ...]
    judge_iterations: int


def tabulate(config: Digits, files: Files) -> pd.DataFrame:
    """One row an image; the last CSV column is the label."""
    path = files["digits"]
    [(name, content)] = members(path, config.members)
    try:
        rows = np.loadtxt(io.BytesIO(gzip.decompress(content)), delimiter=",", dtype=np.int64)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SourceError(f"{path}: {name} is damaged ({error}); delete it and repeat") from error
    if rows.ndim != 2 or rows.shape[1] != config.side**2 + 1:
        raise SourceError(f"{path}: {name} has not {config.side**2} pixels and a label a row")
    table = picture_table(rows[:, :-1], rows[:, -1]).drop_duplicates("key")
    # The file is sorted by label: without a shuffle, the first rows would be of one class.
    table = table.sample(frac=1, random_state=config.seed).reset_index(drop=True)
    rank = table.groupby("label").cumcount()
    held = config.test_per_class + config.valid_per_class
    table["split"] = np.where(
        rank < config.test_per_class, "test", np.where(rank < held, "valid", "train")
    )
    return table


def expectations(config: Digits) -> list[Expectation]:
    """Pixel range, labels, balance and ink."""
    return picture_expectations(config.classes, INK, BRIGHTEST)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the judge's weights."""
    names = tuple(map(str, range(config.classes)))
    return encode_pictures(config, names, config.side, table)
