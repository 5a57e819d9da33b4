"""Drawings as movements of a pen: shared by the readers whose offsets are whole numbers.

A density may grow without bound on numbers that repeat, and many coordinates are exactly 0. Each
offset is therefore moved evenly within the half step around it: a density of that is at most the
chance of the whole number (Theis et al. 2016, section 3.1), in every split and for every model.
"""

from typing import TYPE_CHECKING

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded

if TYPE_CHECKING:
    import pandas as pd


def encoded_drawings(table: "pd.DataFrame", longest: int, seed: int) -> Encoded:
    """``points`` float32 (rows, longest, 3) padded with 0, and ``lengths``, a split.

    ``offsets`` of the table are whole numbers of steps. They are divided by one number, the
    deviation of the training offsets: the unit of every density over them. There is no text:
    ``vocabulary`` is 0.
    """
    parts = {split: table[table["split"] == split] for split in SPLITS}
    train = np.concatenate(parts["train"]["offsets"].to_list())
    scale = float(train[:, :2].astype(np.float64).std())
    rng = np.random.default_rng(seed)
    arrays = {split: _arrays(rows, longest, scale, rng) for split, rows in parts.items()}
    facts = {
        "unit": f"{scale:.4g} steps, the deviation of a training offset's coordinates",
        "scale": scale,
        "vocabulary": 0,
        "sketches": {split: len(rows) for split, rows in parts.items()},
        "points": {split: int(rows["points"].sum()) for split, rows in parts.items()},
    }
    return Encoded(arrays, facts, {})


def _arrays(rows: "pd.DataFrame", longest: int, scale: float, rng: np.random.Generator) -> Arrays:
    points: Array = np.zeros((len(rows), longest, 3), np.float32)
    for place, offsets in enumerate(rows["offsets"]):
        moved = offsets + np.pad(rng.uniform(-0.5, 0.5, (len(offsets), 2)), ((0, 0), (0, 1)))
        points[place, : len(offsets)] = moved / (scale, scale, 1)
    return {"points": points, "lengths": rows["points"].to_numpy(np.int32)}
