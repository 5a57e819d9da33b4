"""Which row belongs to which split, and which rows are the same text."""

import re
from typing import TYPE_CHECKING

import numpy as np

from repertoire.contract import Array

if TYPE_CHECKING:
    import pandas as pd

# Names by which files, folders and columns call the splits.
NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


def split_called(name: str) -> str | None:
    """The split that a file, a folder or a cell is named after; None where it is none's name."""
    return NAMES.get(name.strip().lower())


def cleaned(text: str) -> str:
    """One line, with single spaces."""
    return " ".join(text.split())


def identity(text: str) -> str:
    """What two texts share that differ in case, signs, digits or spaces alone."""
    return re.sub(r"[\W\d_]+", " ", text.lower()).strip() or text


def split_of_groups(
    groups: "pd.Series[str]", seed: int, valid_share: float, test_share: float, fold: int = 0
) -> Array:
    """The split of each row by one uniform draw a group, so that no group is in two splits.

    Folds 0, 1, … test on one part after the other, and validate on what follows each.
    """
    distinct = groups.drop_duplicates().to_numpy()
    draws = (np.random.default_rng(seed).random(len(distinct)) - fold * test_share) % 1.0
    place = groups.map(dict(zip(distinct, draws, strict=True)))
    held = test_share + valid_share
    return np.where(place < test_share, "test", np.where(place < held, "valid", "train"))
