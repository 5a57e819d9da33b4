"""Sums as text: "57+5" -> "62" (Zaremba and Sutskever 2014, section 6).

The number of digits of each term is drawn first, so that short terms are not rare.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.encoding import Side, encode_pairs, pair_expectations, split_by_chance

KIND = "pairs"


@dataclass(frozen=True)
class Config:
    """Whole pairs of numbers are held out: if 57+5 is a test question, 5+57 is none of training.

    ``draws`` counts questions before repeated ones are dropped; terms have 1 to ``digits`` digits.
    """

    seed: Seed
    draws: Count
    digits: Count
    valid_share: Share
    test_share: Share
    source: Side
    target: Side


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a question; ``files`` is empty because questions are generated.

    ``sum`` is computed from the written question, to be compared with the written answer.
    """
    rng = np.random.default_rng(config.seed)
    bounds = 10 ** rng.integers(1, config.digits + 1, (config.draws, 2))
    terms = np.unique(rng.integers(0, bounds), axis=0)
    terms = terms[rng.permutation(len(terms))]
    table = pd.DataFrame(
        {
            "source": [f"{first}+{second}" for first, second in terms],
            "target": [str(first + second) for first, second in terms],
            "key": [f"{min(pair)}+{max(pair)}" for pair in terms],
        }
    )
    written = table["source"].str.split("+", expand=True).astype(int)
    table["sum"] = written.sum(axis=1).astype(str)
    distinct = table["key"].drop_duplicates().to_numpy()
    chance = dict(zip(distinct, rng.random(len(distinct)), strict=True))
    place = table["key"].map(chance)
    table["split"] = split_by_chance(place, config.valid_share, config.test_share)
    return table


def expectations(config: Config) -> list[Expectation]:
    """Lengths, alphabets, each question once, and right sums."""
    number = rf"(0|[1-9]\d{{0,{config.digits - 1}}})"
    return [
        *pair_expectations(config.source, config.target),
        expect(
            f"questions add two numbers of at most {config.digits} digits",
            "ExpectColumnValuesToMatchRegex",
            column="source",
            regex=rf"^{number}\+{number}$",
        ),
        expect(
            "answers are numbers",
            "ExpectColumnValuesToMatchRegex",
            column="target",
            regex=r"^(0|[1-9]\d*)$",
        ),
        expect("each question is asked once", "ExpectColumnValuesToBeUnique", column="source"),
        expect(
            "the sum is right",
            "ExpectColumnPairValuesToBeEqual",
            column_A="target",
            column_B="sum",
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Character ids of both sides."""
    return encode_pairs(table, config.source, config.target)
