"""Running text as one stream of ids a split: shared by every reader for language models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count, Natural
from repertoire.contract import Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.text import END, UNKNOWN, Level, text_encoding
from repertoire.kinds.running_text.confusions import nbest_lists
from repertoire.runtime.text import Encoding

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Running:
    """How text becomes ids, and how many lines of each held-out split are to be rescored."""

    level: Level
    lowercase: bool
    vocabulary: Count
    nbest_lists: Natural  # 0 for none
    nbest_choices: Count


def encode_stream(table: "pd.DataFrame", running: Running) -> Encoded:
    """A stream of ids a split from the column ``text``; every line ends with the end token, id 0.

    ``nbest_valid`` and ``nbest_test`` hold the lists to rescore.
    """
    texts = {s: list(table.loc[table["split"] == s, "text"]) for s in SPLITS}
    content = text_encoding(
        texts["train"],
        running.level,
        running.vocabulary,
        (END, UNKNOWN),
        running.lowercase,
        "running",
    )
    encoding = Encoding.parse(content)
    arrays = {split: _stream(encoding, rows) for split, rows in texts.items()}
    for split in ("valid", "test"):
        stream = arrays[split]["tokens"]
        lists = nbest_lists(encoding, stream, running.nbest_lists, running.nbest_choices)
        arrays[f"nbest_{split}"] = lists
    unknown = arrays["test"]["tokens"] == content["unknown"]
    facts: dict[str, Any] = {
        "level": running.level,
        "vocabulary": encoding.tokenizer.get_vocab_size(),
        "tokens": {s: int(arrays[s]["tokens"].size) for s in SPLITS},
        "nbest_lists": {s: len(arrays[f"nbest_{s}"]["truth"]) for s in ("valid", "test")},
        "unknown_share_test": round(float(np.mean(unknown)), 5),
    }
    return Encoded(arrays, facts, {"text": content})


def _stream(encoding: Encoding, passages: Sequence[str]) -> Arrays:
    # The tokenizer drops line breaks of words but keeps those of characters: encode by line.
    lines = "\n".join(passages).split("\n")
    ids = [[*e.ids, encoding.end] for e in encoding.tokenizer.encode_batch(lines)]
    return {"tokens": np.concatenate(ids).astype(np.int32)}
