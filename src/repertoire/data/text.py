"""Tokenizers in the format of the ``tokenizers`` library, so that any client can use them."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE, WordLevel

from repertoire.data.strings import batches, in_arrow, word_counts

END = "<eos>"
UNKNOWN = "<unk>"
PAD = "<pad>"

# spaced: tokens are set apart in the text; subword: of words that are told apart by spaces.
Level = Literal["word", "character", "spaced", "subword"]
# What a graph gets of a text. running: the end token before and after its tokens; whole: after
# them; bare: its tokens alone.
Framing = Literal["running", "whole", "bare"]

REMEMBERED = 2**20  # different words that are counted before they are cut up

# A word keeps its inner apostrophes and hyphens; every other sign stands alone.
WORDS = r"\w+(?:['\-]\w+)*|'\w+|[^\w\s]"


def text_encoding(
    texts: Iterable[str],
    level: Level,
    size: int,
    specials: tuple[str, ...],
    lowercase: bool,
    framing: Framing,
) -> dict[str, Any]:
    """Build a vocabulary of at most ``size`` tokens from training texts.

    ``specials`` take the first ids; they must contain END and UNKNOWN. The most frequent tokens
    follow, ties in alphabetical order; those of subwords are made by merging the most frequent
    pair again and again (Sennrich et al. 2016, section 3.2). ``append_end`` says whether a graph
    gets a whole text with the end token after it, and ``start`` which id it gets before the first
    token, if any: a decoder inside a graph starts by itself.
    """
    tokenizer = _tokenizer(_model(texts, level, size, specials, lowercase), level, lowercase)
    tokenizer.add_special_tokens(list(specials))
    end = specials.index(END)
    return {
        "kind": "tokenizer",
        "level": level,
        "end": end,
        "unknown": specials.index(UNKNOWN),
        "pad": specials.index(PAD) if PAD in specials else None,
        "append_end": framing != "bare",
        "start": end if framing == "running" else None,
        "tokenizer": json.loads(tokenizer.to_str()),
    }


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    """The strings that the vocabulary is looked up with."""
    normal = tokenizer.normalizer.normalize_str(text)
    return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def one_token(tokenizer: Tokenizer) -> Callable[[str], str]:
    """Of a plain word of letters and digits its one token, "" of any other: quicker than pieces.

    Not for subwords and characters, which cut such a word up.
    """
    lowercase = tokenizer.normalizer.normalize_str("A") == "a"

    def token(word: str) -> str:
        if not (word.isascii() and word.isalnum()):
            return ""
        return word.lower() if lowercase else word

    return token


def _model(
    texts: Iterable[str], level: Level, size: int, specials: tuple[str, ...], lowercase: bool
) -> WordLevel | BPE:
    """The vocabulary, by frequency, specials first."""
    if level == "subword":
        return _merged(texts, size, specials, lowercase)
    only = {token: i for i, token in enumerate(specials)}
    tokenizer = _tokenizer(WordLevel(only, unk_token=UNKNOWN), level, lowercase)
    counts = _counts(tokenizer, texts, level)
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    kept = [*specials, *[t for t in ranked if t not in specials]][:size]
    return WordLevel({token: i for i, token in enumerate(kept)}, unk_token=UNKNOWN)


def _counts(tokenizer: Tokenizer, texts: Iterable[str], level: Level) -> Counter[str]:
    """How often each token occurs. Tokens lie within words, so each word is cut up once."""
    counts: Counter[str] = Counter()
    words: Counter[str] = Counter()
    if level == "character":
        for text in texts:
            counts.update(tokenizer.normalizer.normalize_str(text))
        return counts
    for found in _words(texts):
        words.update(found)
        if len(words) > REMEMBERED:
            _count_tokens(tokenizer, words, counts)
            words.clear()
    _count_tokens(tokenizer, words, counts)
    return counts


def _words(texts: Iterable[str]) -> Iterator[Mapping[str, int] | list[str]]:
    """The words of each text, or how often each occurs in a batch of texts."""
    if in_arrow(texts):
        for part in batches(texts):
            yield word_counts(part)
    else:
        for text in texts:
            yield text.split(" ")


def _count_tokens(tokenizer: Tokenizer, words: Counter[str], counts: Counter[str]) -> None:
    token = one_token(tokenizer)
    for word, times in words.items():
        if plain := token(word):
            counts[plain] += times
            continue
        for piece in pieces(tokenizer, word):
            counts[piece] += times


def _merged(texts: Iterable[str], size: int, specials: tuple[str, ...], lowercase: bool) -> BPE:
    tokenizer = _tokenizer(BPE(unk_token=UNKNOWN), "subword", lowercase)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.model


def _tokenizer(model: WordLevel | BPE, level: Level, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(model)
    steps = [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])]
    if level == "spaced":  # the only level at which a text's token can be spelled as a special one
        spelled = Regex(rf"(?<!\S)({END}|{PAD})(?!\S)")
        steps.append(normalizers.Replace(spelled, UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(steps)
    if level == "word":
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "removed", invert=True)
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    elif level == "spaced":
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    elif level == "subword":
        signs = pre_tokenizers.Punctuation()  # a word is the same before a full stop
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), signs])
        tokenizer.decoder = decoders.Metaspace()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        tokenizer.decoder = decoders.Fuse()
    return tokenizer
