"""Sketches as movements of a pen: the "stroke-3" archives of Ha and Eck (2017, section 3.1).

Three arrays of rows of (dx, dy, pen), whole numbers; pen is 1 where a stroke ends.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, unexpected
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.strokes.encoding import encoded_drawings
from repertoire.readers.helpers.pickles import ragged_arrays

KIND = "strokes"


@dataclass(frozen=True)
class Config:
    """The archive is the source ``sketches``; ``seed`` moves the offsets within their step."""

    longest: Count  # points of a sketch
    farthest: Count  # steps of one movement
    seed: Seed


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a sketch; ``offsets`` holds the movements as they are in the file."""
    found = dict(ragged_arrays(files["sketches"]))
    if missing := [split for split in SPLITS if split not in found]:
        raise unexpected(files["sketches"], f"no array {missing[0]!r}")
    table = pd.DataFrame([(split, row) for split in SPLITS for row in found[split]])
    table.columns = pd.Index(["split", "offsets"])
    offsets = table["offsets"]
    table["width"] = [row.shape[1] if row.ndim == 2 else 0 for row in offsets]
    if (table["width"] != 3).any():
        raise unexpected(files["sketches"], "not three numbers a point")
    table["key"] = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in offsets]
    table["points"] = [len(row) for row in offsets]
    table["farthest"] = [int(np.abs(row[:, :2].astype(int)).max()) for row in offsets]
    table["pens"] = [" ".join(map(str, np.unique(row[:, 2]))) for row in offsets]
    table["last_pen"] = [int(row[-1, 2]) for row in offsets]
    return table.drop(columns="width")


def expectations(config: Config) -> list[Expectation]:
    """Lengths, movements, and a pen that is on paper or lifted, at last lifted."""
    between = "ExpectColumnValuesToBeBetween"
    return [
        expect(
            f"a sketch has 2 to {config.longest} points",
            between,
            column="points",
            min_value=2,
            max_value=config.longest,
        ),
        expect(
            f"a movement is at most {config.farthest} steps long each way",
            between,
            column="farthest",
            min_value=1,
            max_value=config.farthest,
        ),
        expect(
            "the pen is down (0) or lifted (1)",
            "ExpectColumnValuesToBeInSet",
            column="pens",
            value_set=["0 1", "1"],
        ),
        expect(
            "the last point lifts the pen",
            "ExpectColumnValuesToBeInSet",
            column="last_pen",
            value_set=[1],
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``points`` float32 (rows, longest, 3) padded with 0, and ``lengths``."""
    return encoded_drawings(table, config.longest, config.seed)
