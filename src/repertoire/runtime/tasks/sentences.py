"""The tasks of sentence vectors: nearest_sentences and rewrite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput
from repertoire.runtime.examples import source
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Answer, Request, Task
from repertoire.runtime.text import Encoding
from repertoire.runtime.texts import by_length, padded_rows, read_texts

LISTED = 10  # sentences, at most
WRITTEN = 64  # tokens, at most


def nearest_sentences(model: Model, run: Run, request: Request) -> Answer:
    """The known sentences of largest cosine. `text`: a string or a list; `count`: how many.

    Answers `results`, for each text: text, unknown (how many of its words the model does not
    know), and nearest, a list of text and cosine.
    """
    fields = Fields(request)
    texts = read_texts(fields)
    count = fields.integer("count", LISTED, 1, LISTED)
    fields.finish()
    encoding, known = model.encoding("text"), _known(model)
    results: list[Answer] = [{}] * len(texts)
    for rows, tokens in _batches(encoding, texts):
        found = run("nearest", tokens=tokens)
        for row, ids, cosines in zip(rows, found["top_ids"], found["cosines"], strict=True):
            pairs = zip(ids[:count].tolist(), cosines[:count].tolist(), strict=True)
            nearest = [{"text": known[n], "cosine": cosine} for n, cosine in pairs]
            results[row] = {**_asked(encoding, texts[row]), "nearest": nearest}
    return {"results": results}


def rewrite(model: Model, run: Run, request: Request) -> Answer:
    """What a vector keeps: `text`, a string or a list, is turned into a vector and written again.

    Answers `results`, for each text: text, unknown (as above) and written.
    """
    fields = Fields(request)
    texts = read_texts(fields)
    fields.finish()
    encoding, limit = model.encoding("text"), np.array(WRITTEN, np.int64)
    results: list[Answer] = [{}] * len(texts)
    for rows, tokens in _batches(encoding, texts):
        vectors = run("embed", tokens=tokens)["vectors"]
        written = run("decode", vectors=vectors, max_length=limit)["tokens"]
        for row, ids in zip(rows, written.tolist(), strict=True):
            kept = ids[: ids.index(encoding.end)] if encoding.end in ids else ids
            results[row] = {**_asked(encoding, texts[row]), "written": encoding.text(kept)}
    return {"results": results}


def _batches(encoding: Encoding, texts: list[str]) -> Iterator[tuple[list[int], Array]]:
    """Row numbers, and the tokens of these rows. Raises InvalidInput for a text without words."""
    ids = [[*encoding.ids(text), *encoding.closing] for text in texts]
    if encoding.closing in ids:
        raise InvalidInput("a text has no words; send at least one")
    for rows in by_length(ids):
        yield rows, padded_rows([ids[row] for row in rows], encoding.pad)


def _asked(encoding: Encoding, text: str) -> Answer:
    return {"text": text, "unknown": sum(n == encoding.unknown for n in encoding.ids(text))}


def _known(model: Model) -> list[str]:
    """The sentences that the graph lists by number. Raises BadModel."""
    known = model.manifest.document.get("facts", {}).get("known")
    if not isinstance(known, list) or not known:
        raise BadModel(f"the manifest of {model.name!r} names no known sentences; export again")
    return known


TASKS = {
    "nearest_sentences": Task(
        nearest_sentences,
        field="text",
        column="text",
        many=True,
        use="finding sentences made alike",
        example=lambda known: {"text": source(known), "count": 3},
        takes_text=True,
    ),
    "rewrite": Task(
        rewrite,
        field="text",
        column="text",
        many=True,
        use="showing what a vector keeps of a sentence",
        example=lambda known: {"text": source(known)},
        takes_text=True,
    ),
}
