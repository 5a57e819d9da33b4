"""Tokenizers in the format of the ``tokenizers`` library, so that any client can use them."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import WordLevel

END = "<eos>"
UNKNOWN = "<unk>"
PAD = "<pad>"

Level = Literal["word", "character", "spaced"]  # spaced: tokens are set apart in the text

# A word keeps its inner apostrophes and hyphens; every other sign stands alone.
WORDS = r"\w+(?:['\-]\w+)*|'\w+|[^\w\s]"


def text_encoding(
    texts: Iterable[str], level: Level, size: int, specials: tuple[str, ...], lowercase: bool
) -> dict[str, Any]:
    """Build a vocabulary of at most ``size`` tokens from training texts.

    ``specials`` take the first ids; they must contain END and UNKNOWN. The most frequent tokens
    follow, ties in alphabetical order.
    """
    tokenizer = _tokenizer({token: i for i, token in enumerate(specials)}, level, lowercase)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(pieces(tokenizer, text))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    kept = [*specials, *[t for t in ranked if t not in specials]][:size]
    tokenizer = _tokenizer({token: i for i, token in enumerate(kept)}, level, lowercase)
    return {
        "kind": "tokenizer",
        "level": level,
        "end": specials.index(END),
        "unknown": specials.index(UNKNOWN),
        "pad": specials.index(PAD) if PAD in specials else None,
        "tokenizer": json.loads(tokenizer.to_str()),
    }


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    """The strings that the vocabulary is looked up with."""
    normal = tokenizer.normalizer.normalize_str(text)
    return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def _tokenizer(vocabulary: dict[str, int], level: Level, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    steps = [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    if level == "word":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "removed", invert=True)
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    elif level == "spaced":
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    return tokenizer
