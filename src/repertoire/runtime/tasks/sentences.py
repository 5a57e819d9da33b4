"""The tasks of sentence vectors: nearest_sentences and rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput
from repertoire.runtime.examples import source
from repertoire.runtime.inference.rows import over_rows, over_texts
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task
from repertoire.runtime.text import Encoding
from repertoire.runtime.texts import ROWS, Read, Texts, Written, how_read, how_written, whole

LISTED = 10  # sentences, at most
LONGEST = 64  # tokens that are written, at most


@dataclass(frozen=True)
class NearestSentences:
    text: Texts
    count: Annotated[int, Between(1, LISTED), "sentences listed"] = LISTED


class KnownSentence(TypedDict):
    text: str
    cosine: float


class SentencesNear(Read):
    text: Annotated[str, "as it was sent"]
    nearest: Annotated[list[KnownSentence], "by falling cosine"]


def nearest_sentences(model: Model, run: Run, request: NearestSentences) -> list[SentencesNear]:
    """The known sentences of largest cosine."""
    encoding, known = model.encoding("text"), _known(model)
    ids = _ids(encoding, request.text)
    found = over_texts(run, "nearest", whole(encoding, ids), ROWS, pad=encoding.pad)
    answers = []
    rows = zip(request.text, ids, found["top_ids"], found["cosines"], strict=True)
    for text, own, numbers, cosines in rows:
        pairs = zip(numbers[: request.count], cosines[: request.count].tolist(), strict=True)
        near = [KnownSentence(text=known[n], cosine=cosine) for n, cosine in pairs]
        answer: SentencesNear = {"text": text, "nearest": near, **how_read(encoding, own)}
        answers.append(answer)
    return answers


@dataclass(frozen=True)
class Rewrite:
    text: Texts


class Rewritten(Read, Written):
    text: Annotated[str, "as it was sent"]
    written: Annotated[str, "what is written from its vector"]


def rewrite(model: Model, run: Run, request: Rewrite) -> list[Rewritten]:
    """What a vector keeps of a sentence: a text is turned into a vector and written again."""
    encoding, limit = model.encoding("text"), np.array(LONGEST, np.int64)
    ids = _ids(encoding, request.text)
    embedded = over_texts(run, "embed", whole(encoding, ids), ROWS, "vectors", pad=encoding.pad)
    decoded = over_rows(run, "decode", ROWS, "tokens", **embedded, max_length=limit)
    answers = []
    for text, own, row in zip(request.text, ids, decoded["tokens"].tolist(), strict=True):
        tokens = encoding.until_end(row)
        answer: Rewritten = {
            "text": text,
            "written": encoding.text(tokens),
            **how_read(encoding, own),
            **how_written(encoding, tokens),
        }
        answers.append(answer)
    return answers


def _ids(encoding: Encoding, texts: Sequence[str]) -> list[list[int]]:
    """Raises InvalidInput for a text without words."""
    ids = [encoding.ids(text) for text in texts]
    if [] in ids:
        raise InvalidInput(f"text[{ids.index([])}] has no words; send one or more")
    return ids


def _known(model: Model) -> list[str]:
    """The sentences that the graph lists by number. Raises BadModel."""
    known = model.manifest.document.get("facts", {}).get("known")
    if not isinstance(known, list) or not known:
        raise BadModel(f"the manifest of {model.name!r} names no known sentences; export again")
    return known


TASKS = (
    Task(
        "nearest_sentences",
        nearest_sentences,
        use="finding sentences made alike",
        rows="text",
        column="text",
        example=lambda known: {"text": source(known), "count": 3},
    ),
    Task(
        "rewrite",
        rewrite,
        use="showing what a vector keeps of a sentence",
        rows="text",
        column="text",
        example=lambda known: {"text": source(known)},
    ),
)
