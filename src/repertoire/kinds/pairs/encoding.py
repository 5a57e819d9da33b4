"""Source and target strings, encoded side by side: shared by every reader of pairs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.text import END, PAD, UNKNOWN, Level, text_encoding
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.pairs.facts import Measure
from repertoire.runtime.text import Encoding

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Side:
    """How one side of the pairs becomes ids."""

    level: Level
    lowercase: bool
    vocabulary: Count
    longest: Count  # characters


def pair_expectations(source: Side, target: Side) -> list[Expectation]:
    """Lengths and alphabet of both sides."""
    return [
        *(
            expect(
                f"a {name} has 1 to {side.longest} characters",
                "ExpectColumnValueLengthsToBeBetween",
                column=name,
                min_value=1,
                max_value=side.longest,
            )
            for name, side in (("source", source), ("target", target))
        ),
        *(
            expect(
                f"a {name} has no control characters and no spaces at its ends",
                "ExpectColumnValuesToMatchRegex",
                column=name,
                regex=r"^[^\s\x00-\x1f]([^\x00-\x1f]*[^\s\x00-\x1f])?$",
            )
            for name in ("source", "target")
        ),
    ]


def split_by_chance(place: Any, valid_share: float, test_share: float) -> Array:
    """The split of each row, by its uniform draw ``place`` in [0, 1)."""
    held = test_share + valid_share
    return np.where(place < test_share, "test", np.where(place < held, "valid", "train"))


def encode_pairs(
    table: "pd.DataFrame",
    source: Side,
    target: Side,
    extras: "Mapping[str, pd.DataFrame] | None" = None,
    measures: tuple[Measure, ...] = (),
) -> Encoded:
    """Padded id matrices ``source`` and ``target``; each row ends with the end token.

    Ids: 0 pads, 1 ends, 2 is unknown. Row ``i`` of a split is the ``i``-th row of the table.
    ``extras`` are tables of pairs that are measured beside the test split.
    """
    parts = {split: table[table["split"] == split] for split in SPLITS} | dict(extras or {})
    specials = (PAD, END, UNKNOWN)
    encodings = {
        name: text_encoding(
            parts["train"][name], side.level, side.vocabulary, specials, side.lowercase, "whole"
        )
        for name, side in (("source", source), ("target", target))
    }
    arrays = {
        name: {side: padded_ids(Encoding.parse(encodings[side]), part[side]) for side in encodings}
        for name, part in parts.items()
    }
    facts = {
        "source_vocabulary": len(encodings["source"]["tokenizer"]["model"]["vocab"]),
        "target_vocabulary": len(encodings["target"]["tokenizer"]["model"]["vocab"]),
        "end": 1,
        "longest_target": max(a["target"].shape[1] for a in arrays.values()),
        "pairs": {split: len(arrays[split]["source"]) for split in SPLITS},
        **({"extras": {name: len(part) for name, part in extras.items()}} if extras else {}),
        **({"measures": list(measures)} if measures else {}),
    }
    texts = {
        name: {side: part[side].to_list() for side in encodings} for name, part in parts.items()
    }
    return Encoded(arrays, facts, encodings, texts)


def padded_ids(encoding: Encoding, texts: Iterable[str]) -> Array:
    """int32 (texts, longest): each row ends with the end token and is padded with 0."""
    rows = [[*e.ids, encoding.end] for e in encoding.tokenizer.encode_batch(list(texts))]
    matrix = np.zeros((len(rows), max(map(len, rows))), dtype=np.int32)
    for index, row in enumerate(rows):
        matrix[index, : len(row)] = row
    return matrix
