"""What tasks over texts share: fields of their requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

from repertoire.runtime.schema import Many
from repertoire.runtime.text import Encoding

TEXTS = 256  # in one request
ROWS = 64  # texts in one run

Texts = Annotated[list[str], Many(TEXTS), "a text, or a list of them"]


class Read(TypedDict):
    """How much of a text the model knew."""

    input_tokens: Annotated[int, "tokens of the text"]
    unknown_tokens: Annotated[int, "those that are not in the model's vocabulary"]


class Written(TypedDict):
    """How much of what it wrote the model has no token for."""

    unknown_output_tokens: Annotated[int, "places in the answer for which the model has no token"]


def how_read(encoding: Encoding, ids: Sequence[int]) -> Read:
    """Of the ids of a text, without what is put before and after it."""
    return {"input_tokens": len(ids), "unknown_tokens": ids.count(encoding.unknown)}


def how_written(encoding: Encoding, ids: Sequence[int]) -> Written:
    """Of the ids of an answer."""
    return {"unknown_output_tokens": ids.count(encoding.unknown)}


def whole(encoding: Encoding, texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Ids as a graph gets whole texts: with what closes them."""
    closing = encoding.closing
    return [[*ids, *closing] for ids in texts]
