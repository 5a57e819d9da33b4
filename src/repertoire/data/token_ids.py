"""Ids of many texts at once, in little memory.

What a tokenizer makes of a text is what it makes of its words, one after the other: so each word is
looked at once. That holds for every level whose tokens lie within words (``repertoire.data.text``).
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from repertoire.contract import Array
from repertoire.data.text import UNKNOWN, load_tokenizer, one_token

BATCH = 2**13  # texts whose words are encoded together
REMEMBERED = 2**20  # words
SPACE = "▁"  # how subwords spell a space: a text that holds it is encoded as a whole


def padded_ids(content: Mapping[str, Any], texts: Sequence[str]) -> Array:
    """int32 (rows, longest): the ids of each text and the end token, then 0 to the longest."""
    flat, lengths = array("i"), array("i")
    for ids in encoded(content, texts):
        flat.extend(ids)
        flat.append(content["end"])
        lengths.append(len(ids) + 1)
    values, counts = np.frombuffer(flat, np.int32), np.frombuffer(lengths, np.int32)
    padded = np.zeros((len(counts), counts.max()), np.int32)
    ends = counts.cumsum(dtype=np.int64)
    for first in range(0, len(counts), BATCH):
        part = counts[first : first + BATCH]
        start = ends[first] - counts[first]
        inside = np.arange(padded.shape[1]) < part[:, None]
        padded[first : first + BATCH][inside] = values[start : start + int(part.sum())]
    return padded


def encoded(content: Mapping[str, Any], texts: Sequence[str]) -> Iterator[Sequence[int]]:
    """The ids of each text, as the tokenizer of an encoding gives them, without an end."""
    tokenizer = load_tokenizer(content)
    if content["level"] == "character":
        yield from _by_character(tokenizer, texts)
    else:
        yield from _by_word(tokenizer, texts, whole=content["level"] == "subword")


def _by_character(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[int]]:
    ids = tokenizer.get_vocab(with_added_tokens=False)
    unknown = ids[UNKNOWN]
    normalized = tokenizer.normalizer.normalize_str
    for text in texts:
        yield [ids.get(sign, unknown) for sign in normalized(text)]


def _by_word(tokenizer: Tokenizer, texts: Sequence[str], whole: bool) -> Iterator[Sequence[int]]:
    """``whole``: a text with an odd space is encoded as a whole, for spaces are tokens there."""
    known: dict[str, Sequence[int]] = {}
    ids, token = tokenizer.get_vocab(with_added_tokens=False), one_token(tokenizer)
    for first in range(0, len(texts), BATCH):
        rows = [_words(text, whole) for text in texts[first : first + BATCH]]
        if len(known) > REMEMBERED:
            known = {}
        new = []
        for word in dict.fromkeys(w for words in rows for w in words if w not in known):
            if not whole and (plain := token(word)):
                known[word] = (ids.get(plain, ids[UNKNOWN]),)
            else:
                new.append(word)
        for word, encoding in zip(new, tokenizer.encode_batch(new), strict=True):
            known[word] = encoding.ids
        for words in rows:
            yield [number for word in words for number in known[word]]


def _words(text: str, whole: bool) -> list[str]:
    words = text.split(" ")
    return [text] if whole and ("" in words or SPACE in text) else words
