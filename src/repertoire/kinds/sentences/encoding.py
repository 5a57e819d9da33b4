"""Sentences as rows of tokens, and those that a client can be shown: shared by their readers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.text import END, PAD, UNKNOWN, text_encoding
from repertoire.kinds.running_text.encoding import Running
from repertoire.runtime.text import Encoding


def encode_sentences(
    rows: Mapping[str, Sequence[str]], reading: Running, known_sentences: int
) -> Encoded:
    """``tokens`` int32 (rows, time) padded with 0; each row ends with the end token, id 1.

    ``rows`` are sentences by split. ``facts["known"]`` and ``facts["known_ids"]`` hold so many of
    training, evenly spaced, that a client can be shown, and their ids without padding.
    """
    specials = (PAD, END, UNKNOWN)
    content = text_encoding(
        rows["train"], reading.level, reading.vocabulary, specials, reading.lowercase, "whole"
    )
    encoding = Encoding.parse(content)
    arrays = {split: {"tokens": _rows(encoding, texts)} for split, texts in rows.items()}
    test, train = arrays["test"]["tokens"], arrays["train"]["tokens"]
    chosen = np.unique(np.linspace(0, len(train) - 1, known_sentences).astype(int))
    unknown = (test == content["unknown"]).sum() / (test > 1).sum()
    facts: dict[str, Any] = {
        "vocabulary": encoding.tokenizer.get_vocab_size(),
        "end": content["end"],
        "unknown": content["unknown"],
        "lines": {split: len(texts) for split, texts in rows.items()},
        "unknown_share_test": round(float(unknown), 5),
        "known": [rows["train"][n] for n in chosen],
        "known_ids": [[int(i) for i in train[n] if i] for n in chosen],
    }
    raw = {split: {"text": list(texts)} for split, texts in rows.items()}
    return Encoded(arrays, facts, {"text": content}, raw)


def _rows(encoding: Encoding, texts: Sequence[str]) -> Array:
    ids = [[*e.ids, encoding.end] for e in encoding.tokenizer.encode_batch(list(texts))]
    tokens = np.zeros((len(ids), max(map(len, ids))), np.int32)
    for index, row in enumerate(ids):
        tokens[index, : len(row)] = row
    return tokens
