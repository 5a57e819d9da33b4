"""Which row belongs to which split, and which rows are the same text."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from repertoire.contract import Array
from repertoire.data.strings import codes_of, first_of

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
_LETTERS = bytes(code if chr(code).isalpha() else ord(" ") for code in range(256))


def split_called(name: str) -> str | None:
    """The split that a file, a folder or a cell is named after; None where it is none's name."""
    return NAMES.get(name.strip().lower())


def split_of_place(place: PurePath) -> str:
    """The split that a folder, or a part between dots of the file's name, is called after.

    A part may go on after it, or begin before it: train-00000-of-00002, test_2016, src-train.
    """
    for part in (*place.parts[:-1], *place.name.split(".")):
        words = re.split(r"[-_]", part)
        for word in (part, words[0], words[-1]):
            if split := split_called(word):
                return split
    return ""


def splits_of_files(files: Sequence[Path]) -> list[str]:
    """The split of each table by its place; several files may be one split.

    Where places do not tell training and another split of all files, the whole name of each does.
    """
    top = os.path.commonpath([file.parent for file in files])
    told = [split_of_place(file.relative_to(top)) for file in files]
    if all(told) and len(set(told)) > 1 and "train" in told:
        return told
    return [split_called(file.name.split(".")[0]) or "" for file in files]


def cleaned(text: str) -> str:
    """One line, with single spaces."""
    return " ".join(text.split())


def identity(text: str) -> str:
    """What two texts share that differ in case, signs, digits or spaces alone."""
    if text.isascii():  # the same, in a fraction of the time
        return b" ".join(text.lower().encode().translate(_LETTERS).split()).decode() or text
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


def stratified_split(
    groups: "pd.Series", classes: "pd.Series", seed: int, valid_share: float, test_share: float
) -> Array:
    """The split of each row so that every class is in each split with its share.

    A group is in one split: it is of the class of its first row. A class of three groups or more
    has at least one in each split.
    """
    import pandas as pd

    codes = codes_of(groups)
    first = first_of(codes, codes.max(initial=-1) + 1)
    of = pd.factorize(classes)[0][first]
    table = pd.DataFrame({"of": np.where(of < 0, np.nan, of)})
    table["draw"] = np.random.default_rng(seed).random(len(table))
    grouped = table.groupby("of", sort=False)["draw"]
    place = (grouped.rank(method="first") - 1).to_numpy()
    size = grouped.transform("size").to_numpy()
    test = np.maximum(1, (size * test_share).round())
    valid = test + np.maximum(1, (size * valid_share).round())
    names = np.array(["train", "valid", "test"], object)
    return names[np.where(place < test, 2, np.where(place < valid, 1, 0))[codes]]
