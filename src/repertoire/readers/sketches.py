"""Sketches as movements of a pen: the "stroke-3" archives of Ha and Eck (2017, section 3.1).

Three arrays of rows of (dx, dy, pen), whole numbers; pen is 1 where a stroke ends. A tenth of the
coordinates are exactly 0, and a density may grow without bound on numbers that repeat. Each offset
is therefore moved evenly within the half step around it: a density of that is at most the chance
of the whole number (Theis et al. 2016, section 3.1), in every split and for every model alike.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
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
        raise SourceError(f"{files['sketches']}: no array {missing[0]!r}; check the pinned file")
    table = pd.DataFrame([(split, row) for split in SPLITS for row in found[split]])
    table.columns = pd.Index(["split", "offsets"])
    offsets = table["offsets"]
    table["width"] = [row.shape[1] if row.ndim == 2 else 0 for row in offsets]
    if (table["width"] != 3).any():
        raise SourceError(f"{files['sketches']}: not three numbers a point; check the pinned file")
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
        expect(
            "sketches are of many lengths",
            "ExpectColumnStdevToBeBetween",
            column="points",
            min_value=5,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """``points`` float32 (rows, longest, 3) padded with 0, and ``lengths``.

    Offsets are divided by one number, the deviation of the training offsets: the unit of every
    density over them. There is no text: ``vocabulary`` is 0.
    """
    parts = {split: table[table["split"] == split] for split in SPLITS}
    train = np.concatenate(parts["train"]["offsets"].to_list())
    scale = float(train[:, :2].astype(np.float64).std())
    rng = np.random.default_rng(config.seed)
    arrays = {split: _arrays(config, rows, scale, rng) for split, rows in parts.items()}
    facts = {
        "unit": f"{scale:.4g} steps, the deviation of a training offset's coordinates",
        "scale": scale,
        "vocabulary": 0,
        "sketches": {split: len(rows) for split, rows in parts.items()},
        "points": {split: int(rows["points"].sum()) for split, rows in parts.items()},
    }
    return Encoded(arrays, facts, {})


def _arrays(config: Config, rows: pd.DataFrame, scale: float, rng: np.random.Generator) -> Arrays:
    points: Array = np.zeros((len(rows), config.longest, 3), np.float32)
    for place, offsets in enumerate(rows["offsets"]):
        moved = offsets + np.pad(rng.uniform(-0.5, 0.5, (len(offsets), 2)), ((0, 0), (0, 1)))
        points[place, : len(offsets)] = moved / (scale, scale, 1)
    return {"points": points, "lengths": rows["points"].to_numpy(np.int32)}
