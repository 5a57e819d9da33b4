"""Labelled texts in official splits: files of lines with fields between tabs, under a head.

SST-2 (Socher et al. 2013) in the lines of its binary task, and the Naver movie reviews (NSMC). The
fields are ``label``, the number of a class, perhaps ``id``, and the text under any other name.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repertoire.config import Natural, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, unexpected
from repertoire.data.splits import cleaned, identity, split_of_groups
from repertoire.data.validation import Expectation
from repertoire.kinds.labelled_texts.encoding import (
    Texts,
    encode_labels,
    label_expectations,
)

KIND = "labelled_texts"


@dataclass(frozen=True)
class Config:
    """Sources are ``train``, ``test`` and perhaps ``valid``; else a share of ``train`` is held out.

    Texts of less than ``identity_characters``, signs and digits aside, recur in official splits.
    """

    classes: tuple[str, ...]
    identity_characters: Natural
    seed: Seed
    valid_share: Share
    texts: Texts


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a text, in the order of the files; texts without a sign are left out."""
    names = [name for name in ("train", "valid", "test") if name in files]
    parts = [_read(files[name], config.classes).assign(split=name) for name in names]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["text"] != ""].reset_index(drop=True)
    identities = table["text"].map(identity)
    if "valid" not in files:
        train = table["split"] == "train"
        held = split_of_groups(identities[train], config.seed, config.valid_share, 0.0)
        table.loc[train, "split"] = held
    long = identities.str.len() >= config.identity_characters
    table["key"] = identities.where(long, None)
    table["is_last_class"] = (table["label"] == config.classes[-1]).astype(int)
    return table


def _read(path: Path, classes: tuple[str, ...]) -> pd.DataFrame:
    with expecting(path, "a table in UTF-8"):
        head, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    fields = head.split("\t")
    rows = [line.split("\t") for line in lines]
    if wrong := [number for number, row in enumerate(rows, 2) if len(row) != len(fields)]:
        raise unexpected(path, f"line {wrong[0]} has not the {len(fields)} fields of line 1")
    table = pd.DataFrame(rows, columns=fields)
    with expecting(path, "a table with the columns label, a text and perhaps id"):
        [text] = [field for field in fields if field not in ("id", "label")]
        labels = [classes[int(number)] for number in table["label"]]
    return pd.DataFrame({"text": table[text].map(cleaned), "label": labels})


def expectations(config: Config) -> list[Expectation]:
    """Lengths and labels."""
    return label_expectations(config.texts, config.classes)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Ids of the texts, and their labels."""
    return encode_labels(table, config.texts, config.classes)
