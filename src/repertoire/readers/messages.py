"""Short messages, wanted ("ham") or not ("spam"): a label, a tab, a text on each line.

The format of the SMS Spam Collection (Almeida, Gómez Hidalgo and Yamakami 2011).
"""

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repertoire.config import Natural, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, one_member, unexpected
from repertoire.data.splits import cleaned, identity, split_of_groups
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.labelled_texts.encoding import (
    Texts,
    encode_labels,
    label_expectations,
)

KIND = "labelled_texts"
CLASSES = ("ham", "spam")
UNIQUE = expect("no text occurs twice", "ExpectColumnValuesToBeUnique", column="text")


@dataclass(frozen=True)
class Config:
    """``members`` is the file within the source, none where the source is that file.

    ``distinct`` keeps the first of messages that differ in digits or signs alone; without it, a
    message may be in training and test, as published figures have it. ``fold`` counts from 0.
    """

    members: str | None
    distinct: bool
    fold: Natural
    seed: Seed
    valid_share: Share
    test_share: Share
    texts: Texts


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a message."""
    path = files["messages"]
    name, content = _collection(config, path)
    with expecting(path, f"UTF-8 in {name}"):
        lines = content.decode().replace("\r", "").split("\n")
    rows = [line.split("\t", 1) for line in lines if line.strip()]
    if wrong := [number for number, row in enumerate(rows, 1) if len(row) != 2]:
        raise unexpected(path, f"{name}: line {wrong[0]} has no tab between label and text")
    table = pd.DataFrame(rows, columns=["label", "text"])
    table["text"] = [cleaned(html.unescape(text)) for text in table["text"]]
    table["key"] = table["text"].map(identity)
    if config.distinct:
        table = table.drop_duplicates("key")
    table = table[table["text"].str.len().between(1, config.texts.longest)].reset_index(drop=True)
    groups = table["key"] if config.distinct else pd.Series(table.index.astype(str))
    table["split"] = split_of_groups(
        groups, config.seed, config.valid_share, config.test_share, config.fold
    )
    table["is_last_class"] = (table["label"] == CLASSES[-1]).astype(int)
    return table if config.distinct else table.assign(key=None)


def _collection(config: Config, path: Path) -> tuple[str, bytes]:
    if config.members is None:
        return path.name, path.read_bytes()
    return one_member(path, config.members)


def expectations(config: Config) -> list[Expectation]:
    """Lengths, labels, and texts once each where repeats are left out."""
    return [
        *label_expectations(config.texts, CLASSES),
        *([UNIQUE] if config.distinct else []),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of the messages, and their labels."""
    return encode_labels(table, config.texts, CLASSES)
