"""Text to token ids and back, piece by piece."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.runtime.errors import BadModel
from repertoire.runtime.signature import Array

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW = 8  # tokens that decide how the next one is written


def load_tokenizer(document: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer of an encoding; no text that it reads can spell a special token."""
    from tokenizers import Tokenizer  # servers of image models never need it

    tokenizer = Tokenizer.from_str(json.dumps(document["tokenizer"]))
    # A setting that the library does not store: without it, special tokens are found in any text.
    tokenizer.encode_special_tokens = True
    return tokenizer


@dataclass(frozen=True)
class Encoding:
    """A tokenizer with the ids that end a text and fill up a batch.

    `append_end`: whether a graph gets a whole text with the end after it; `start`: the id that it
    gets before the first, if any.
    """

    tokenizer: Tokenizer
    end: int
    pad: int = 0
    unknown: int | None = None
    level: str = "word"
    append_end: bool = True
    start: int | None = None

    @staticmethod
    def parse(document: Mapping[str, Any]) -> Encoding:
        """From one entry of the `encodings` of prepared data or a manifest. Raises BadModel."""
        if document.get("kind") != "tokenizer":
            raise BadModel(f"encoding kind {document.get('kind')!r} is not 'tokenizer'")
        try:
            tokenizer = load_tokenizer(document)
        except Exception as error:  # the library raises Exception itself
            raise BadModel(f"the tokenizer in the manifest does not load: {error}") from error
        # Older manifests say neither; their whole texts end so, and what is continued starts so.
        return Encoding(
            tokenizer,
            document["end"],
            document.get("pad", 0),
            document.get("unknown"),
            document.get("level", "word"),
            document.get("append_end", True),
            document.get("start", document["end"]),
        )

    @property
    def opening(self) -> list[int]:
        """What a graph gets before the first id of a text."""
        return [] if self.start is None else [self.start]

    @property
    def closing(self) -> list[int]:
        """What a graph gets after the last id of a whole text."""
        return [self.end] if self.append_end else []

    @cached_property
    def vocabulary(self) -> Mapping[str, int]:
        return self.tokenizer.get_vocab()

    def normal(self, text: str) -> str:
        """The text as the vocabulary spells it."""
        normalizer = self.tokenizer.normalizer
        return str(normalizer.normalize_str(text)) if normalizer else text

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer.encode(text).ids
        return found

    def all_ids(self, texts: Iterable[str]) -> Sequence[Sequence[int]]:
        """As ``ids``, of each text."""
        encode = self.tokenizer.encode
        return [encode(text).ids for text in texts]

    def token(self, index: int) -> str:
        return self.tokenizer.id_to_token(int(index)) or ""

    def until_end(self, ids: Sequence[int]) -> list[int]:
        """The ids before the first end."""
        return list(ids[: ids.index(self.end)] if self.end in ids else ids)

    @cached_property
    def _tokens(self) -> Mapping[int, str]:
        return {index: token for token, index in self.vocabulary.items()}

    def tokens(self, ids: Sequence[int]) -> list[str]:
        return [self._tokens.get(each, "") for each in ids]

    def text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    def decode(self, ids: Array | Sequence[int]) -> str:
        """Text up to the first end; an unknown token is written out, so that metrics see it."""
        kept = np.asarray(ids, np.int64)
        ends = np.flatnonzero(kept == self.end)
        return self.text(kept[: ends[0]].tolist() if ends.size else kept.tolist())


class Pieces:
    """Turns tokens into the pieces of text they add, one at a time.

    A token's text depends on its neighbours (spaces, characters of several bytes), so each piece
    is the difference between two decodings; the window keeps that at constant cost.
    """

    def __init__(self, encoding: Encoding, ids: Sequence[int]) -> None:
        self._encoding = encoding
        self._window = list(ids[-WINDOW:])
        self._known = encoding.text(self._window)
        self._fresh = 0

    def add(self, token: int) -> str:
        """The text this token adds; empty while a character is incomplete."""
        if token == self._encoding.end:
            self._window, self._known, self._fresh = [], "", 0
            return "\n"
        self._window.append(token)
        self._fresh += 1
        text = self._encoding.text(self._window)
        if text.endswith("\N{REPLACEMENT CHARACTER}") and self._fresh < WINDOW:
            return ""
        piece = text[len(self._known) :]
        self._window = self._window[-max(WINDOW, self._fresh) :]
        self._known, self._fresh = self._encoding.text(self._window), 0
        return piece


def text_after(encoding: Encoding, ids: Sequence[int], tokens: Sequence[int]) -> str:
    """The pieces of text that `tokens` add after `ids`, joined."""
    window, text = list(ids[-WINDOW:]), ""
    for ended, part in itertools.groupby(tokens, lambda token: token == encoding.end):
        own = list(part)
        if ended:
            window, text = [], text + "\n" * len(own)
            continue
        known, whole = encoding.text(window), encoding.text([*window, *own])
        if "\N{REPLACEMENT CHARACTER}" in whole:  # it depends on how many tokens a character has
            pieces = Pieces(encoding, window)
            whole, known = "".join(map(pieces.add, own)), ""
        text += whole[len(known) :]
    return text
