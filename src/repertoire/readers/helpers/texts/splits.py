"""Which lines are training, validation and test: by name, by whole files, by the end, by draw."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.data.splits import split_of_groups

MANY_FILES = 10  # from so many on, whole files are held out
LARGEST_FILE = 0.2  # share of the text above which a file is too large to be held out whole
USUAL = 200  # characters of a line that stays whole
ORDER = {"train": 0, "valid": 1, "test": 2}


@dataclass(frozen=True)
class Shares:
    """Shares of the text that are held out, and the seed of the draw."""

    valid: float
    test: float
    seed: int


def divided(table: pd.DataFrame, by: str, shares: Shares, documents: bool) -> pd.DataFrame:
    """The table with a split in each row; what names tell is kept, what they lack is taken.

    Columns ``file``, ``split`` ("" where none is told) and ``text``; ``documents``: rows are whole
    ones, in no order. A line that holds the beginning of a held-out end is cut there, at a space
    if it has one.
    """
    if by != "names":
        table = table.assign(split="")
    named = set(table["split"]) - {""}
    valid, test = (
        0.0 if "valid" in named else shares.valid,
        0.0 if "test" in named else shares.test,
    )
    given = Shares(valid, test, shares.seed)
    open_ = table["split"].isin(["", "train"])
    rest, held = table[open_], table[~open_]
    if by == "rows" or (by == "names" and documents):
        rest = rest.assign(split=split_of_groups(rest["text"], given.seed, given.valid, given.test))
    elif by == "files":
        split = _by_files(rest, given)
        rest = rest.assign(split=rest["file"].map(split))
    else:
        parts = [_by_end(part, given) for _, part in rest.groupby("file", sort=False)]
        rest = pd.concat(parts) if parts else rest
    return pd.concat([rest, held], ignore_index=True)


def same_words(text: str) -> str:
    """What texts share that differ in case or signs alone; digits count."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip() or text


def files_can_be_held_out(sizes: Sequence[int]) -> bool:
    """Whether there are many files, and none of them is a large part of the text."""
    return len(sizes) >= MANY_FILES and max(sizes) <= LARGEST_FILE * sum(sizes)


def _by_files(table: pd.DataFrame, shares: Shares) -> dict[str, str]:
    """Whole files, drawn by the seed, until each held-out split has about its share of the text."""
    sizes = table["text"].str.len().groupby(table["file"], sort=False).sum()
    order = np.random.default_rng(shares.seed).permutation(len(sizes))
    total, found, filled = float(sizes.sum()), {}, {"test": 0.0, "valid": 0.0}
    wanted = {"test": shares.test * total, "valid": shares.valid * total}
    for place in order:
        name, size = sizes.index[place], float(sizes.iloc[place])
        fits = [part for part, most in wanted.items() if filled[part] + size / 2 <= most]
        found[name] = fits[0] if fits else "train"
        if fits:
            filled[fits[0]] += size
    return found


def _by_end(table: pd.DataFrame, shares: Shares) -> pd.DataFrame:
    """The end of a file is the test, what comes before it validation."""
    lines = table["text"].tolist()
    starts = np.concatenate(([0], np.cumsum([len(line) + 1 for line in lines])))
    wanted = [starts[-1] * (1 - shares.test - shares.valid), starts[-1] * (1 - shares.test)]
    bounds = []
    for bound in wanted:
        row = min(int(np.searchsorted(starts, bound, "right")) - 1, len(lines) - 1)
        place = _cut(lines[row], round(bound - starts[row])) if row >= 0 else 0
        if 0 < place < len(lines[row]):
            lines[row : row + 1] = [lines[row][:place], lines[row][place:]]
            starts = np.insert(starts, row + 1, starts[row] + place)
        bounds.append(row + (place > 0))
    split = np.repeat(list(ORDER), np.diff([0, *bounds, len(lines)]))
    return pd.DataFrame({"file": table["file"].iloc[0], "split": split, "text": lines})


def _cut(text: str, place: int) -> int:
    """A place in a line near ``place``: after a space, or the line's start or end if near."""
    if len(text) < USUAL or place <= 0 or place >= len(text):
        return len(text) if place >= len(text) > 0 else 0
    space = text.find(" ", place, place + 100)
    return space + 1 if space >= 0 else place


def without_known_lines(table: pd.DataFrame, least: int, drop: bool) -> pd.DataFrame:
    """``key`` is the text of lines of ``least`` characters or more, which no two splits share.

    A line that an earlier split has (train, valid, test) is dropped, or has no key if kept.
    """
    keys = table["text"].where(table["characters"] >= least, None)
    rank = table["split"].map(ORDER)
    first = rank.groupby(keys).transform("min")
    known = keys.notna() & (rank > first)
    table.attrs["known_lines"] = int(known.sum())
    table["key"] = keys.mask(known, None)
    if drop:
        return table[~known].reset_index(drop=True)
    shared = table.loc[known, "text"]
    table["key"] = table["key"].mask(table["key"].isin(shared), None)
    return table
