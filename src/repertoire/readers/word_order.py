"""Sentences in pairs of the same words and opposite meaning: only the order of words tells.

"the film was good, not bad" is positive, "the film was bad, not good" is negative. Every bag of
words occurs once with each label, so what sees bags alone is right half the time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Count, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.splits import split_of_groups
from repertoire.data.text import WORDS
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.labelled_texts.encoding import (
    Texts,
    balance_expectation,
    encode_labels,
    label_expectations,
)

KIND = "labelled_texts"
CLASSES = ("negative", "positive")
GOOD = (
    "good great lovely superb brilliant charming delightful wonderful excellent splendid moving "
    "gripping clever warm honest fresh subtle witty graceful stirring polished inspired"
)
BAD = (
    "bad awful dull dreadful boring clumsy tedious horrible terrible shabby lifeless "
    "tiresome stupid cold false stale crude pompous sloppy feeble botched hollow"
)
SUBJECTS = (
    "film play novel concert meal speech lecture story song show exhibition match recital series "
    "poem broadcast"
)
# What is meant stands for {0}, what is denied for {1}; either comes first in half of them. No
# article stands before an adjective: "a" and "an" would tell the pair apart.
TEMPLATES = (
    "the {subject} was {0}, not {1}",
    "the {subject} was not {1} but {0}",
    "I found the {subject} {0} rather than {1}",
    "far from {1}, the {subject} was {0}",
    "they called the {subject} {1}, but it was truly {0}",
    "the {subject} was {0}, whatever made them say {1}",
    "the {subject} turned out {0}, although I had feared something {1}",
    "{0} is the word for the {subject}, never {1}",
    "instead of {1}, the {subject} seemed {0} to us",
    "once {1}, the {subject} is now {0}",
    "the {subject} is {0} now, although it used to be {1}",
    "nobody who saw the {subject} could call it {1}, for it was {0}",
)
OPENINGS = (
    "",
    "in short, ",
    "to my surprise, ",
    "as everyone said afterwards, ",
    "after all these years, ",
    "I am certain that ",
    "when we talked about it on the way home, we agreed: ",
    "believe me, ",
)
ENDINGS = (
    "",
    " from beginning to end",
    " on that evening",
    ", I think",
    ", and that is all I have to say",
    ", as far as we could tell",
)


@dataclass(frozen=True)
class Config:
    """``pairs`` is drawn; equal draws count once. Combinations of adjectives are held out."""

    seed: Seed
    pairs: Count
    valid_share: Share
    test_share: Share
    texts: Texts


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """Two rows a pair; ``files`` is empty because sentences are generated."""
    drawn = dict.fromkeys(_draws(config))
    rows = [row for pair in drawn for row in pair]
    table = pd.DataFrame(rows, columns=["text", "label", "key"])
    table["is_last_class"] = (table["label"] == CLASSES[-1]).astype(int)
    bags = [" ".join(sorted(re.findall(WORDS, text.lower()))) for text in table["text"]]
    shares = table.groupby(bags)["is_last_class"].mean()
    table["positive_share_of_bag"] = shares.loc[bags].to_numpy()
    table["split"] = split_of_groups(
        table["key"], config.seed, config.valid_share, config.test_share
    )
    return table


Row = tuple[str, str, str]


def _draws(config: Config) -> Iterator[tuple[Row, Row]]:
    rng = np.random.default_rng(config.seed)
    good, bad, subjects = GOOD.split(), BAD.split(), SUBJECTS.split()
    parts = (good, bad, subjects, TEMPLATES, OPENINGS, ENDINGS)
    draws = np.stack([rng.integers(0, len(part), config.pairs) for part in parts], axis=1)
    for g, b, s, t, o, e in draws.tolist():
        frame = OPENINGS[o] + TEMPLATES[t] + ENDINGS[e]
        key = f"{good[g]} {bad[b]}"
        yield (
            (frame.format(good[g], bad[b], subject=subjects[s]), "positive", key),
            (frame.format(bad[b], good[g], subject=subjects[s]), "negative", key),
        )


def expectations(config: Config) -> list[Expectation]:
    """Lengths, labels, and no bag of words that tells its label."""
    return [
        *label_expectations(config.texts, CLASSES),
        balance_expectation(0.49),
        expect("no text occurs twice", "ExpectColumnValuesToBeUnique", column="text"),
        expect(
            "every bag of words is as often positive as negative",
            "ExpectColumnValuesToBeBetween",
            column="positive_share_of_bag",
            min_value=0.5,
            max_value=0.5,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of the sentences, and their labels."""
    return encode_labels(table, config.texts, CLASSES)
