"""Texts with one label each, encoded for classifiers: shared by every reader of labelled texts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count
from repertoire.contract import Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.splits import identity
from repertoire.data.strings import batches, mapped
from repertoire.data.text import END, PAD, UNKNOWN, Level, text_encoding
from repertoire.data.token_ids import padded_ids
from repertoire.data.validation import Expectation, expect

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Texts:
    """How texts become ids. ``longest`` bounds a text in characters."""

    level: Level
    lowercase: bool
    vocabulary: Count
    longest: Count


def label_expectations(texts: Texts, classes: tuple[str, ...]) -> list[Expectation]:
    """Lengths, alphabet, known labels, of which every one occurs."""
    return [
        expect(
            f"a text has 1 to {texts.longest} characters",
            "ExpectColumnValueLengthsToBeBetween",
            column="text",
            min_value=1,
            max_value=texts.longest,
        ),
        expect(
            "a text has no control characters and no spaces at its ends",
            "ExpectColumnValuesToMatchRegex",
            column="text",
            regex=r"^[^\s\x00-\x1f]([^\x00-\x1f]*[^\s\x00-\x1f])?$",
        ),
        expect(
            f"a label is one of: {', '.join(classes)}",
            "ExpectColumnValuesToBeInSet",
            column="label",
            value_set=list(classes),
        ),
        expect(
            "every class occurs",
            "ExpectColumnDistinctValuesToContainSet",
            column="label",
            value_set=list(classes),
        ),
    ]


def balance_expectation(rarest: float) -> Expectation:
    """The last of two classes holds at least the share ``rarest``, and so does the first."""
    return expect(
        f"the last class holds {rarest:g} to {1 - rarest:g} of the texts",
        "ExpectColumnMeanToBeBetween",
        column="is_last_class",
        min_value=rarest,
        max_value=1 - rarest,
    )


def encode_labels(table: "pd.DataFrame", texts: Texts, classes: tuple[str, ...]) -> Encoded:
    """``tokens`` int32 (rows, time) padded with 0, and ``labels`` int64 (rows,) by class number.

    Ids: 0 pads, 1 ends, 2 is unknown; each row ends with the end token, so no row is empty.
    """
    table = table[["text", "label", "split"]]
    rows = {split: table[table["split"] == split] for split in SPLITS}
    specials = (PAD, END, UNKNOWN)
    content = text_encoding(
        rows["train"]["text"], texts.level, texts.vocabulary, specials, texts.lowercase, "whole"
    )
    arrays = {split: _arrays(content, part, classes) for split, part in rows.items()}
    test = arrays["test"]["tokens"]
    facts: dict[str, Any] = {
        "classes": list(classes),
        "vocabulary": len(content["tokenizer"]["model"]["vocab"]),
        "end": content["end"],
        "unknown": content["unknown"],
        "level": texts.level,
        "texts": {split: len(part) for split, part in rows.items()},
        "unknown_share_test": round(
            float((test == content["unknown"]).sum() / (test > 1).sum()), 5
        ),
        # Nought but for official splits, which repeat texts of training.
        "known_share_test": round(_known_share(rows["test"]["text"], rows["train"]["text"]), 5),
    }
    raw = {split: {"text": part["text"]} for split, part in rows.items()}
    return Encoded(arrays, facts, {"text": content}, raw)


def _arrays(content: Mapping[str, Any], part: "pd.DataFrame", classes: tuple[str, ...]) -> Arrays:
    tokens = padded_ids(content, part["text"])
    numbers = {label: number for number, label in enumerate(classes)}
    labels = mapped(part["label"], numbers.__getitem__).to_numpy(np.int64)
    return {"tokens": tokens, "labels": labels}


def _known_share(texts: "pd.Series[str]", train: "pd.Series[str]") -> float:
    """The share of texts whose ``identity`` a training text has."""
    counts = Counter(identity(text) for part in batches(texts) for text in part.to_pylist())
    known = 0
    for part in batches(train):
        known += sum(counts.pop(identity(text), 0) for text in part.to_pylist())
    return known / len(texts) if len(texts) else float("nan")
