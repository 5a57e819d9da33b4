"""Sentences to learn word vectors from, and the official files of words that people have judged."""

from dataclasses import dataclass

import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation
from repertoire.kinds.word_vectors.encoding import (
    ANALOGIES,
    SETS,
    TEXT,
    beside_text,
    encode_judged,
    judged_table,
)
from repertoire.readers import sentences

KIND = "word_vectors"


@dataclass(frozen=True)
class Config:
    """``sentences`` as for the reader of sentences; sources are called as the sets are, besides."""

    sentences: sentences.Config


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a sentence, a judged pair or a question; ``set`` says which.

    Sentences have no score; 0 stands for it.
    """
    text = sentences.tabulate(config.sentences, files).assign(set=TEXT, score=0.0, work=TEXT)
    text["characters"] = text["text"].str.len()
    contents = {}
    for name in (*SETS, ANALOGIES):
        with expecting(files[name], "judgements in UTF-8"):
            contents[name] = files[name].read_text(encoding="utf-8")
    return pd.concat([text, judged_table(contents)], ignore_index=True)


def expectations(config: Config) -> list[Expectation]:
    """Those of sentences, and those of judgements."""
    return beside_text(sentences.expectations(config.sentences))


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Word ids a split, and judgements of known words."""
    return encode_judged(table, config.sentences.text)
