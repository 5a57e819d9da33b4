"""Character n-grams of words, hashed; numpy and pure Python."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array


def ngrams(word: str, min_n: int, max_n: int) -> list[str]:
    """Those of the word between angle brackets, the whole left out: it has its own vector."""
    marked = f"<{word}>"
    return [
        marked[start : start + n]
        for n in range(min_n, max_n + 1)
        for start in range(len(marked) - n + 1)
        if n < len(marked)
    ]


def fnv1a(text: str) -> int:
    """The 32-bit Fowler-Noll-Vo hash 1a of the UTF-8 bytes, the same on every machine."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def pieces(words: Sequence[str], first: int, config: tuple[int, int, int]) -> tuple[Array, Array]:
    """Rows of the table that make up each word, one word after another, and where each begins.

    ``config`` is (min_n, max_n, buckets). Word ``i`` has row ``i``; n-grams follow those of the
    vocabulary. Ids below ``first`` are no words and have no n-grams.
    """
    min_n, max_n, buckets = config
    rows: list[list[int]] = []
    for number, word in enumerate(words):
        grams = ngrams(word, min_n, max_n) if buckets and number >= first else []
        rows.append([number, *(len(words) + fnv1a(gram) % buckets for gram in grams)])
    starts = np.cumsum([0, *map(len, rows[:-1])])
    return np.concatenate(rows).astype(np.int64), starts.astype(np.int64)
