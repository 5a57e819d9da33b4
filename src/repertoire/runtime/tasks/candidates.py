"""Tasks of language models that choose: the next word, or the best of some texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime.examples import prompt
from repertoire.runtime.inference.language import completed
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Size
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Known, Task
from repertoire.runtime.tasks.language import text_log_probs
from repertoire.runtime.text import Encoding
from repertoire.runtime.texts import TEXTS, Read, Written, how_read, how_written, whole

_BEGUN = re.compile(r"[\w'-]*$")


@dataclass(frozen=True)
class Complete:
    prompt: Annotated[str, "a word that is begun at its end is completed first"] = ""
    count: Annotated[int, Between(1, 100), "how many completions"] = 5
    tokens: Annotated[int, Between(1, 16), "of each: one of the likeliest, and those after it"] = 1


class Completion(Written):
    text: Annotated[str, "what follows the prompt"]
    log_prob: Annotated[float, "of all its tokens, nats"]


class Completed(Read):
    results: Annotated[list[Completion], "best first; none if no known word begins so"]


def complete(model: Model, run: Run, request: Complete) -> Completed:
    """The likeliest ways on from a text."""
    encoding = model.encoding("text")
    given = encoding.normal(request.prompt)
    begun = _begun(encoding, given)
    ids = encoding.ids(given[: len(given) - len(begun)])
    allowed = _beginning(encoding, begun)
    tokens, nats = completed(run, [*encoding.opening, *ids], allowed, request.count, request.tokens)
    results: list[Completion] = [
        {
            "text": encoding.text(row)[len(begun) :],
            "log_prob": log_prob,
            **how_written(encoding, row),
        }
        for row, log_prob in zip(tokens.tolist(), nats.tolist(), strict=True)
    ]
    results.sort(key=lambda each: -each["log_prob"])
    return {"results": results, **how_read(encoding, ids)}


def _begun(encoding: Encoding, prompt: str) -> str:
    """The word at the end of the prompt that is not finished; none for models of characters."""
    found = _BEGUN.search(prompt)
    return found[0] if found and encoding.level == "word" else ""


def _beginning(encoding: Encoding, start: str) -> Array:
    """Ids of the tokens that begin so; neither the end nor the unknown token."""
    known = [
        token
        for text, token in encoding.vocabulary.items()
        if text.startswith(start) and token not in (encoding.end, encoding.unknown)
    ]
    return np.array(sorted(known), np.int64)


@dataclass(frozen=True)
class Candidate:
    text: str
    score: Annotated[float, "a log-probability of its own, nats"] = 0.0


@dataclass(frozen=True)
class Rescore:
    candidates: Annotated[
        list[str | Candidate], Size(1, TEXTS), "texts, or objects of text and score"
    ]
    weight: Annotated[float, Between(0, 1000), "that of the language model"] = 1.0


class Ranked(Read):
    text: str
    score: Annotated[float, "as it was sent, or 0"]
    log_prob: Annotated[float, "of the text and its end under the model, nats"]
    total: Annotated[float, "score + weight * log_prob"]


class Rescored(TypedDict):
    results: Annotated[list[Ranked], "best first"]


def rescore(model: Model, run: Run, request: Rescore) -> Rescored:
    """Orders the candidates of a recogniser or a translator by their score and likelihood."""
    encoding = model.encoding("text")
    given = [Candidate(each) if isinstance(each, str) else each for each in request.candidates]
    ids = [encoding.ids(each.text) for each in given]
    likely = text_log_probs(model, run, whole(encoding, ids))
    results: list[Ranked] = []
    for each, own, nats in zip(given, ids, likely, strict=True):
        total = float(nats.sum(dtype=np.float64))
        results.append(
            {
                "text": each.text,
                "score": each.score,
                "log_prob": total,
                "total": each.score + request.weight * total,
                **how_read(encoding, own),
            }
        )
    return {"results": sorted(results, key=lambda each: -each["total"])}


def _rivals(known: Known) -> Mapping[str, Any]:
    """The prompt with a score of somebody's, and a rival in any language."""
    begun = prompt(known)
    return {"candidates": [{"text": begun, "score": -1.5}, begun[::-1]]}


TASKS = (
    Task(
        "complete",
        complete,
        use="proposing the next word",
        rows="prompt",
        column="prompt",
        example=lambda known: {"prompt": prompt(known), "count": 3, "tokens": 4},
    ),
    Task(
        "rescore",
        rescore,
        use="choosing among the candidates of a recogniser",
        rows="candidates",
        column="candidates",
        example=_rivals,
    ),
)
