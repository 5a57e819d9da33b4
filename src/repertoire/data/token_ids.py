"""Ids of many texts at once, in little memory.

What a tokenizer makes of a text is what it makes of its words, one after the other: so each word is
looked at once. That holds for every level whose tokens lie within words (``repertoire.data.text``).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from repertoire.contract import Array
from repertoire.data.strings import batches
from repertoire.data.text import UNKNOWN, one_token
from repertoire.runtime.text import load_tokenizer

if TYPE_CHECKING:
    import pyarrow as pa

    from repertoire.data.strings import Texts

BATCH = 2**15  # texts whose words are encoded together
REMEMBERED = 2**20  # words
SPACE = "▁"  # how subwords spell a space: a text that holds it is encoded as a whole
ODD = rf"\A\z|\A |  | \z|{SPACE}"  # texts of which spaces are tokens, where words are cut up


def padded_ids(content: Mapping[str, Any], texts: "Texts") -> Array:
    """int32 (rows, longest): the ids of each text and the end token, then 0 to the longest."""
    found = list(encoded(content, texts))
    width = 1 + max(int(counts.max()) for _, counts in found)
    padded = np.zeros((len(texts), width), np.int32)
    first = 0
    for values, counts in found:
        part = padded[first : first + len(counts)]
        part[np.arange(width) < counts[:, None]] = values
        part[np.arange(len(counts)), counts] = content["end"]
        first += len(counts)
    return padded


def encoded(content: Mapping[str, Any], texts: "Texts") -> Iterator[tuple[Array, Array]]:
    """Batch by batch: the ids of all texts one after the other, int32, and how many each has.

    They are those that the tokenizer of an encoding gives, without an end.
    """
    tokenizer = load_tokenizer(content)
    if content["level"] == "character":
        yield from _by_character(tokenizer, texts)
    else:
        yield from _by_word(tokenizer, texts, whole=content["level"] == "subword")


def _by_character(tokenizer: Tokenizer, texts: "Texts") -> Iterator[tuple[Array, Array]]:
    ids = tokenizer.get_vocab(with_added_tokens=False)
    unknown = ids[UNKNOWN]
    normalized = tokenizer.normalizer.normalize_str
    for part in batches(texts, BATCH):
        signs = [normalized(text) for text in part.to_pylist()]
        values = np.array([ids.get(sign, unknown) for text in signs for sign in text], np.int32)
        yield values, np.array(list(map(len, signs)), np.int64)


def _by_word(tokenizer: Tokenizer, texts: "Texts", whole: bool) -> Iterator[tuple[Array, Array]]:
    """``whole``: a text with an odd space is encoded as a whole, for spaces are tokens there."""
    known: dict[str, Sequence[int]] = {}
    ids, token = tokenizer.get_vocab(with_added_tokens=False), one_token(tokenizer)
    for part in batches(texts, BATCH):
        rows = _words(part, whole)
        words = rows.flatten().dictionary_encode()
        distinct = words.dictionary.to_pylist()
        if len(known) > REMEMBERED:
            known = {}
        new = []
        for word in distinct:
            if word in known:
                continue
            if not whole and (plain := token(word)):
                known[word] = (ids.get(plain, ids[UNKNOWN]),)
            else:
                new.append(word)
        for word, encoding in zip(new, tokenizer.encode_batch(new), strict=True):
            known[word] = encoding.ids
        values, counts = _joined([known[word] for word in distinct], words.indices.to_numpy())
        ends = np.concatenate(([0], counts.cumsum()))[rows.offsets.to_numpy()]
        yield values, np.diff(ends)


def _words(texts: "pa.Array", whole: bool) -> "pa.ListArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.split_pattern(texts, " ")
    if not whole or not pc.any(odd := pc.match_substring_regex(texts, ODD)).as_py():
        return words
    rows = zip(texts.to_pylist(), odd.to_pylist(), strict=True)
    lists = [[text] if is_odd else text.split(" ") for text, is_odd in rows]
    return pa.array(lists, pa.list_(pa.large_string()))


def _joined(ids: Sequence[Sequence[int]], places: Array) -> tuple[Array, Array]:
    """The ids of words one after the other, int32, and how many each has; ``places`` in ``ids``."""
    sizes = np.array(list(map(len, ids)), np.int64)
    flat = np.array(list(chain.from_iterable(ids)), np.int32)
    counts = sizes[places]
    if (sizes == 1).all():
        return flat[places], counts
    starts = (sizes.cumsum() - sizes)[places]
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return flat[np.repeat(starts, counts) + within], counts
