"""Plays to learn word vectors from, and pairs and questions of words that people have judged.

The judgements come in the files of gensim's tests, whose sdist is a carrier only.
"""

from dataclasses import dataclass

import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, one_member
from repertoire.data.validation import Expectation
from repertoire.kinds.word_vectors.encoding import (
    ANALOGIES,
    SETS,
    TEXT,
    beside_text,
    encode_judged,
    judged_table,
)
from repertoire.readers import plays

KIND = "word_vectors"


@dataclass(frozen=True)
class Config:
    """``plays`` as for the reader of plays; the rest are globs of members of ``judgements``."""

    plays: plays.Config
    wordsim353: str
    simlex999: str
    analogies: str


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a passage, a judged pair or a question; ``set`` says which.

    Passages have no score; 0 stands for it.
    """
    text = plays.tabulate(config.plays, files).assign(set=TEXT, score=0.0)
    contents = {}
    for name in (*SETS, ANALOGIES):
        _, content = one_member(files["judgements"], getattr(config, name))
        with expecting(files["judgements"], f"UTF-8 in {getattr(config, name)}"):
            contents[name] = content.decode()
    return pd.concat([text, judged_table(contents)], ignore_index=True)


def expectations(config: Config) -> list[Expectation]:
    """Those of plays, and those of judgements."""
    return beside_text(plays.expectations(config.plays))


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Word ids a split, and judgements of known words."""
    return encode_judged(table, config.plays.text)
