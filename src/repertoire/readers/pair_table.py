"""Pairs of texts in anybody's files: columns of a table, Tatoeba's tabs, or two aligned files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.splits import split_of_groups
from repertoire.data.validation import Expectation
from repertoire.kinds.pairs.encoding import Measure, Side, encode_pairs, pair_expectations
from repertoire.readers.helpers.texts.documents import cleaned, unprintable
from repertoire.readers.helpers.texts.pair_files import Layout, Pairs, Place, read_pairs
from repertoire.readers.helpers.texts.splits import same_words

KIND = "pairs"
OPTIONS: Mapping[str, str] = {
    "source": "the column, or the ending of the files, that is translated or answered",
    "target": "the column, or the ending of the files, that is written",
    "longest": "characters of a source and of a target; longer pairs are left out",
    "source-level": "tokens of sources: word, character, spaced or subword",
    "target-level": "tokens of targets: word, character, spaced or subword",
    "source-vocabulary": "how many tokens of sources at most",
    "target-vocabulary": "how many tokens of targets at most",
    "source-lowercase": "yes or no: whether capital letters of sources are read as small ones",
    "encoding": "of the files, where it is not told rightly, such as cp949",
    "pairs": "how many pairs of training are used at most, drawn by the seed",
    "megabytes": "how much of the files is read at most",
    "valid-share": "share of the pairs held out for validation",
    "test-share": "share of the pairs held out for the test",
    "seed": "of the draw of pairs that are held out",
    "on-bad-row": "fail or drop: rows without a source or a target",
}
LEAST = {"train": 50, "valid": 2, "test": 2}  # pairs
MEGABYTE = 10**6


@dataclass(frozen=True)
class Config:
    """Where the pairs are, how they are split, and how each side becomes tokens.

    ``source_name`` and ``target_name`` are columns, or endings of aligned files; ``columns`` names
    those of files without a header. ``left_out`` are files beside them that hold no pairs. The
    encoding is told by each file where it is "". A split that no name gives is drawn from training
    by ``seed`` and its share, equal sources together. Of training ``most_pairs`` are kept.
    ``measures`` is what is measured beside exact match, chrF and BLEU by character.
    """

    layout: Layout
    source_name: str
    target_name: str
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    encoding: str
    megabytes: Count
    most_pairs: Count
    valid_share: Share
    test_share: Share
    seed: Seed
    bad_rows: BadRowRule
    measures: tuple[Measure, ...]
    source: Side
    target: Side


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a pair, each once in a split; pairs longer than their side admits are left out."""
    place = Place(
        config.layout, config.source_name, config.target_name, config.columns, config.left_out
    )
    pairs = read_pairs(files["raw"], place, config.encoding, config.megabytes * MEGABYTE)
    return pairs_table(config, pairs)


def pairs_table(config: Config, pairs: Pairs) -> pd.DataFrame:
    """The table of what was read; ``attrs`` counts what was too long, and what came twice."""
    bad, rows = BadRows(config.bad_rows), []
    for row in pairs.bad:
        bad.add(*row)
    for file, number, split, *sides in pairs.frame.itertuples(index=False, name=None):
        source, target = map(one_line, sides)
        if reason := why_unusable(source, target):
            bad.add(file, number, reason)
        else:
            rows.append((split, source, target))
    table = pd.DataFrame(rows, columns=["split", "source", "target"])
    fits = table["source"].str.len() <= config.source.longest
    fits &= table["target"].str.len() <= config.target.longest
    once = ~table.duplicated()
    table = table[fits & once].reset_index(drop=True)
    table = with_splits(table, config)
    table.attrs |= {"too_long": int((~fits).sum()), "twice": int((fits & ~once).sum())}
    refuse_few(table)
    return bad.checked(table)


def one_line(cell: object) -> str:
    """A cell in NFC with single spaces; "" for none."""
    return " ".join(cleaned("" if cell is None or cell is pd.NA else str(cell)).text.split())


def why_unusable(source: str, target: str) -> str | None:
    """The reason why a pair is none."""
    for name, text in (("source", source), ("target", target)):
        if not text:
            return f"no {name}"
        if reason := unprintable(text):
            return f"the {name} has {reason}"
    return None


def with_splits(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """``split`` by name or by draw, ``key`` where the draw kept equal sources together."""
    same = table["source"].map(same_words)
    named = set(table["split"]) - {""}
    drawn = table["split"].isin(["", "train"])
    valid = 0.0 if "valid" in named else config.valid_share
    test = 0.0 if "test" in named else config.test_share
    split = split_of_groups(same[drawn], config.seed, valid, test)
    table = table.assign(key=same.where(drawn, None))
    table.loc[drawn, "split"] = split
    train = np.flatnonzero(table["split"] == "train")
    if len(train) > config.most_pairs:
        kept = np.random.default_rng(config.seed).permutation(len(train))[config.most_pairs :]
        table = table.drop(index=table.index[train[kept]]).reset_index(drop=True)
    return table


def refuse_few(table: pd.DataFrame) -> None:
    """Raises SourceError where a split has fewer pairs than anything can be learned from."""
    counts = table["split"].value_counts()
    for split, least in LEAST.items():
        if counts.get(split, 0) < least:
            raise SourceError(
                f"{counts.get(split, 0):,} pairs for {split}, of {len(table):,} in all with "
                f"{table['source'].nunique():,} different sources; at least {least} are needed "
                "there: give more pairs"
            )


def expectations(config: Config) -> list[Expectation]:
    """Lengths and alphabets of both sides."""
    return pair_expectations(config.source, config.target)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of both sides; test sources that training does not hold are measured as ``unseen``."""
    known = table.loc[table["split"] == "train", "source"]
    test = table[table["split"] == "test"]
    unseen = test[~test["source"].isin(known)]
    extras = {"unseen": unseen} if 2 <= len(unseen) < len(test) else {}
    encoded = encode_pairs(table, config.source, config.target, extras, config.measures)
    lengths = table.loc[table["split"] == "train", "target"].str.len()
    encoded.facts["mean_target_characters"] = round(float(lengths.mean()), 1)
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """Which texts are source and target, how they are split, and which tokens suit them."""
    from repertoire.readers.helpers.texts.pair_proposal import proposal

    return proposal(raw, options)
