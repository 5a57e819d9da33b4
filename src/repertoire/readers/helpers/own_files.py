"""Files in a folder of somebody's own: which are read, and the splits that their places tell."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called

HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")
LEAST = {"test": 2, "valid": 1}  # rows; fewer than two test rows have no standard error


def visible_files(raw: Path) -> list[Path]:
    """Every file below a folder, links followed, in order of names; hidden ones are passed over."""
    found = []
    for folder, folders, names in os.walk(raw, followlinks=True):
        folders[:] = [name for name in folders if not _hidden(name)]
        found += [Path(folder) / name for name in names if not _hidden(name)]
    return sorted(found, key=lambda path: path.relative_to(raw).as_posix())


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN


def splits_of(raw: Path, files: Sequence[Path], *, by_name: bool) -> list[str]:
    """The split that a folder of each file, or with ``by_name`` its own name, is called after.

    "" for all where no place tells one. Raises SourceError where only some do, and where train is
    missing.
    """
    found = [_told(path.relative_to(raw).as_posix(), by_name=by_name) for path in files]
    if not any(found):
        return found
    if "" in found:
        lost = files[found.index("")].relative_to(raw)
        raise SourceError(
            f"{lost}: in no split, while other files lie in folders such as train and test; put it "
            "into one of them"
        )
    if "train" not in found:
        raise SourceError(f"{raw.name}: no file lies in train, only in {', '.join(set(found))}")
    return found


def _told(name: str, *, by_name: bool) -> str:
    place = PurePosixPath(name)
    parts = [*place.parts[:-1], *([place.name.split(".")[0]] if by_name else [])]
    return next((split for part in parts if (split := split_called(part))), "")


def completed_splits(
    told: Sequence[str],
    groups: Sequence[str],
    sizes: Sequence[float],
    seed: int,
    shares: Mapping[str, float],
) -> list[str]:
    """The split of each row; those that no row is told to be in are taken from train by share.

    Whole groups, shuffled by ``seed``, go to ``test`` until it has its share of the ``sizes``, then
    to ``valid``; the rest is train. Raises SourceError where there are too few.
    """
    splits = [split or "train" for split in told]
    pool: dict[str, float] = {}
    for group, split, size in zip(groups, splits, sizes, strict=True):
        if split == "train":
            pool[group] = pool.get(group, 0.0) + size
    names = list(pool)
    left = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    moved: dict[str, str] = {}
    for split in ("test", "valid"):
        count, held = 0, 0.0
        wanted = shares[split] * sum(pool.values())
        while left and split not in told and (count < LEAST[split] or held < wanted):
            moved[left[0]] = split
            count, held = count + 1, held + pool[left.pop(0)]
    if not left:
        raise SourceError(
            f"only {len(pool)} different rows: too few to train, to validate and to test"
        )
    return [
        moved.get(group, split) if split == "train" else split
        for group, split in zip(groups, splits, strict=True)
    ]


def without_leaks(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``split`` and ``key`` but those that a later split holds too: test tests what is new.

    A row of train goes where validation or test hold it, one of validation where test does.
    """
    keys = {split: set(table.loc[table["split"] == split, "key"]) for split in ("valid", "test")}
    leaked = (table["split"] == "train") & table["key"].isin(keys["valid"] | keys["test"])
    leaked |= (table["split"] == "valid") & table["key"].isin(keys["test"])
    return table[~leaked].reset_index(drop=True)
