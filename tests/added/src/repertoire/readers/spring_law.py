"""Springs that obey Hooke, measured with noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect

KIND = "springs"


@dataclass(frozen=True)
class Config:
    """How many springs, and the ``seed`` of loads and noise."""

    springs: Count
    seed: Seed


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """A row a spring: load in newtons, length in millimetres."""
    rng = np.random.default_rng(config.seed)
    load = rng.random(config.springs)
    length = 40 + 30 * load + rng.normal(0, 0.5, config.springs)
    split = np.array(SPLITS)[np.arange(config.springs) % 3]
    return pd.DataFrame({"load": load, "length": length, "split": split, "key": range(len(load))})


def expectations(config: Config) -> list[Expectation]:
    """Springs have a length."""
    place = {"column": "length", "min_value": 0}
    return [expect("a spring has a length", "ExpectColumnValuesToBeBetween", **place)]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """load and length (springs,) of each split."""
    parts = {split: table[table["split"] == split] for split in SPLITS}
    arrays = {
        split: {name: part[name].to_numpy(np.float32) for name in ("load", "length")}
        for split, part in parts.items()
    }
    sizes = {split: len(part) for split, part in parts.items()}
    return Encoded(arrays, {"heaviest": 1.0, "springs": sizes}, {})
