"""Pairs as they are published: in columns of one file, or line by line in two files."""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from repertoire.config import RepertoireError, Seed, Share
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting, members, unexpected
from repertoire.data.splits import identity
from repertoire.data.validation import Expectation
from repertoire.kinds.pairs.encoding import (
    Measure,
    Side,
    encode_pairs,
    pair_expectations,
    split_by_chance,
)
from repertoire.readers.helpers.texts.probes import PROBES

KIND = "pairs"


@dataclass(frozen=True)
class Config:
    """``sides`` names what becomes source and target.

    With a ``delimiter`` these are two of the ``columns`` of the source ``pairs``; empty columns
    are named by the first line. With none, each split has a file a side, such as ``train_de`` and
    ``train_en``. ``member`` is the file within an archive.

    ``apart`` keeps pairs whose sources differ in case, signs or digits alone in one split, and
    pairs are split by ``seed`` and shares unless the files are the splits. Where not apart, test
    sources that training does not hold are measured too, as ``unseen``. ``probes`` names further
    questions, ``measures`` what is measured beside exact match, chrF and BLEU by character.
    """

    delimiter: Literal["", ",", "\t", "_"]
    columns: tuple[str, ...]
    member: str
    sides: tuple[str, ...]
    seed: Seed
    valid_share: Share
    test_share: Share
    apart: bool
    probes: tuple[str, ...]
    measures: tuple[Measure, ...]
    source: Side
    target: Side

    def __post_init__(self) -> None:
        if len(self.sides) != 2:
            raise RepertoireError("config.sides: name two, the source's and the target's")
        if unknown := sorted(set(self.probes) - set(PROBES)):
            raise RepertoireError(
                f"config.probes: no {unknown[0]!r}; there are: {', '.join(PROBES)}"
            )


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a pair that is no longer than each side admits, in the order of the files."""
    pairs = _columns(config, files["pairs"]) if config.delimiter else _aligned(config, files)
    table = pd.DataFrame(pairs, columns=["split", "source", "target"])
    fits = table["source"].str.len().between(1, config.source.longest)
    fits &= table["target"].str.len().between(1, config.target.longest)
    table = table[fits].reset_index(drop=True)
    same = table["source"].map(identity) if config.apart else table.index.to_series()
    if config.delimiter:
        # Shuffled and cut, so that a split of single rows has exactly its share.
        distinct = same.drop_duplicates().to_numpy()
        ranks = np.random.default_rng(config.seed).permutation(len(distinct)) + 0.5
        place = same.map(dict(zip(distinct, ranks / len(distinct), strict=True)))
        table["split"] = split_by_chance(place, config.valid_share, config.test_share)
    table["key"] = same.astype(str)
    return table


def _columns(config: Config, path: Path) -> Iterator[tuple[str, str, str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if config.delimiter == "," else csv.QUOTE_NONE
    # Not `splitlines`: a quoted cell may hold a line break, and U+2028 ends no row.
    lines = io.StringIO(_read(path, config.member), newline="")
    names = list(config.columns) or None
    rows = csv.DictReader(lines, names, delimiter=str(config.delimiter), quoting=quoting)
    for row in rows:
        if any(row.get(side) is None for side in config.sides):
            raise unexpected(path, f"line {rows.line_num} lacks {' or '.join(config.sides)}")
        source, target = (_clean(row[side]) for side in config.sides)
        yield "", source, target


def _aligned(config: Config, files: Files) -> Iterator[tuple[str, str, str]]:
    for split in SPLITS:
        paths = [files[f"{split}_{side}"] for side in config.sides]
        sources, targets = (_read(path, config.member).split("\n") for path in paths)
        if len(sources) != len(targets):
            raise unexpected(paths[0], f"not of as many lines as {paths[1]}")
        yield from (
            (split, _clean(source), _clean(target))
            for source, target in zip(sources, targets, strict=True)
        )


def _read(path: Path, member: str) -> str:
    """The text of a plain file, of one in gzip, or of an archive's member."""
    content = next(members(path, member))[1] if zipfile.is_zipfile(path) else path.read_bytes()
    with expecting(path, "text in UTF-8"):
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")


def _clean(text: str) -> str:
    return " ".join(text.split())


def expectations(config: Config) -> list[Expectation]:
    """Lengths and alphabets of both sides."""
    return pair_expectations(config.source, config.target)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of both sides, of the probes too."""
    rng = np.random.default_rng(config.seed)
    extras = {
        name: pd.DataFrame(PROBES[name](rng), columns=["source", "target"])
        for name in config.probes
    }
    known = table.loc[table["split"] == "train", "source"]
    test = table[table["split"] == "test"]
    unseen = test[~test["source"].isin(known)]
    if len(unseen) < len(test):
        extras["unseen"] = unseen
    return encode_pairs(table, config.source, config.target, extras, config.measures)
