"""Ids of many texts are those of each text by itself."""

import random
from collections import Counter

import numpy as np
import pytest

from repertoire.data import text as texts_module
from repertoire.data import token_ids
from repertoire.data.text import END, PAD, UNKNOWN, pieces, text_encoding
from repertoire.data.token_ids import encoded, padded_ids
from repertoire.runtime.text import load_tokenizer

LEVELS = ("word", "character", "spaced", "subword")
SPECIALS = (PAD, END, UNKNOWN)
SIGNS = [*"aàbBcΣςİıßſ0٣7_'-.,!?¿", "a\u0300", "\u0300", "é", "e\u0301", "가", "\u1100\u1161"]
SIGNS += [
    "中",
    "Ab7",
    "क्षि",
    "👩\u200d👧",
    "\u2028",
    "\u00a0",
    "\t",
    "▁",
    "<eos>",
    "<pad>",
    "<unk>",
]
SIGNS += ["ﬁ", "Å"]


def strange(count, seed):
    """Words of odd signs between one space or several, some of them often."""
    drawn = random.Random(seed)
    words = ["".join(drawn.choices(SIGNS, k=drawn.randint(1, 5))) for _ in range(61)]
    gaps = [" "] * 11 + ["  ", " \u00a0 ", ""]
    return [
        drawn.choice(["", "", " "])
        + "".join(drawn.choice(words) + drawn.choice(gaps) for _ in range(drawn.randint(0, 7)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("seed", [2, 3, 5])
def test_ids_are_those_of_the_tokenizer(level, lowercase, seed, monkeypatch):
    monkeypatch.setattr(token_ids, "BATCH", 17)
    monkeypatch.setattr(token_ids, "REMEMBERED", 23)
    content = text_encoding(strange(211, seed), level, 53, SPECIALS, lowercase, "whole")
    tokenizer = load_tokenizer(content)
    asked = strange(307, seed + 100)
    found = []
    for values, counts in encoded(content, asked):
        assert values.dtype == np.int32 and len(values) == counts.sum()
        found += [part.tolist() for part in np.split(values, counts.cumsum())[:-1]]
    assert found == [tokenizer.encode(text).ids for text in asked]


@pytest.mark.parametrize("level", ["word", "character", "spaced"])
@pytest.mark.parametrize("remembered", [1, 13, 2**20])
def test_the_vocabulary_is_that_of_whole_texts(level, remembered, monkeypatch):
    monkeypatch.setattr(texts_module, "REMEMBERED", remembered)
    asked = strange(211, 7)
    content = text_encoding(asked, level, 10**6, SPECIALS, True, "whole")
    tokenizer = load_tokenizer(content)
    counts = Counter(piece for text in asked for piece in pieces(tokenizer, text))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    found = content["tokenizer"]["model"]["vocab"]
    assert list(found) == [*SPECIALS, *[token for token in ranked if token not in SPECIALS]]


def test_rows_end_with_the_end_token_and_are_padded(monkeypatch):
    monkeypatch.setattr(token_ids, "BATCH", 3)
    asked = ["a b", "", "b b a zz a", "a", "b a"] * 3
    content = text_encoding(asked[:1], "word", 7, SPECIALS, True, "whole")
    a, b, end, unknown = 3, 4, 1, 2
    rows = [[a, b, end], [end], [b, b, a, unknown, a, end], [a, end], [b, a, end]] * 3
    expected = [row + [0] * (6 - len(row)) for row in rows]
    found = padded_ids(content, asked)
    assert found.dtype == np.int32 and found.tolist() == expected
