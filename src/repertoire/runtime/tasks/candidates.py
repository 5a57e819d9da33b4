"""Tasks of language models that choose: the next word, or the best of some texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.runtime.errors import Malformed
from repertoire.runtime.examples import prompt
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run, next_states
from repertoire.runtime.task import Answer, Known, Request, Task
from repertoire.runtime.tasks.language import text_log_probs
from repertoire.runtime.text import Encoding
from repertoire.runtime.texts import TEXTS

COUNT = 100  # completions of one request
WORDS = 16  # of one completion
_BEGUN = re.compile(r"[\w'-]*$")


def complete(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """The likeliest ways on from `prompt`; a word that is begun at its end is completed first.

    `count`: how many; `tokens`: the length of each, whose first token is one of the likeliest and
    the rest the likeliest after it. Answers `results`, best first: text (what follows the prompt),
    log_prob (nats, of all its tokens); none if no known word begins so.
    """
    fields = Fields(request)
    prompt = fields.string("prompt", "")
    count = fields.integer("count", 5, 1, COUNT)
    length = fields.integer("tokens", 1, 1, WORDS)
    fields.finish()
    encoding = model.encoding("text")
    begun = _begun(encoding, prompt)
    ids = [*encoding.opening, *encoding.ids(prompt[: len(prompt) - len(begun)])]
    graph = model.manifest.graph("next")
    wanted = ["log_probs", *graph.feedback]
    step = run("next", *wanted, tokens=np.array([ids], np.int64))
    first = _likeliest(encoding, begun, step["log_probs"][0], count)
    if not len(first):
        return {"results": []}
    tokens, log_probs = first[:, None], step["log_probs"][0, first].astype(np.float64)
    states: Arrays = {}
    fed = np.array([[*ids, token] for token in first], np.int64)
    for _ in range(length - 1):
        step = run("next", *wanted, tokens=fed, **states)
        fed = step["log_probs"].argmax(1)[:, None].astype(np.int64)
        log_probs += step["log_probs"].max(1)
        tokens, states = np.concatenate((tokens, fed), 1), next_states(run, graph.name, step)
    texts = [encoding.text(row.tolist())[len(begun) :] for row in tokens]
    results = [{"text": t, "log_prob": float(n)} for t, n in zip(texts, log_probs, strict=True)]
    return {"results": sorted(results, key=lambda each: -each["log_prob"])}


def _begun(encoding: Encoding, prompt: str) -> str:
    """The word at the end of the prompt that is not finished; none for models of characters."""
    found = _BEGUN.search(prompt)
    return found[0] if found and encoding.level == "word" else ""


def _likeliest(encoding: Encoding, begun: str, log_probs: Array, count: int) -> Array:
    """Ids of the likeliest tokens that begin so; neither the end nor the unknown token."""
    start = encoding.normal(begun)
    known = [
        token
        for text, token in encoding.vocabulary.items()
        if text.startswith(start) and token not in (encoding.end, encoding.unknown)
    ]
    ids = np.array(sorted(known), np.int64)
    return ids[np.argsort(-log_probs[ids], kind="stable")[:count]]


def rescore(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Orders the candidates of a recogniser or a translator by their score and their likelihood.

    `candidates`: texts, or objects with text and score (a log-probability of its own, nats;
    default 0); `weight` is that of the language model. Answers `results`, best first: text, score,
    log_prob, total = score + weight * log_prob.
    """
    fields = Fields(request)
    given = [_candidate(each) for each in fields.one_or_many("candidates", TEXTS)]
    weight = fields.number("weight", 1.0, 0, 1000)
    fields.finish()
    encoding = model.encoding("text")
    targets = [[*encoding.ids(text), *encoding.closing] for text, _ in given]
    likely = [float(each.sum(dtype=np.float64)) for each in text_log_probs(model, run, targets)]
    results = [
        {"text": text, "score": score, "log_prob": nats, "total": score + weight * nats}
        for (text, score), nats in zip(given, likely, strict=True)
    ]
    return {"results": sorted(results, key=lambda each: -each["total"])}


def _candidate(value: Any) -> tuple[str, float]:
    if isinstance(value, str):
        return value, 0.0
    if isinstance(value, dict) and value.keys() <= {"text", "score"}:
        text, score = value.get("text"), value.get("score", 0.0)
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if isinstance(text, str) and number and np.isfinite(score):
            return text, float(score)
    raise Malformed('a candidate is a text, or an object such as {"text": "…", "score": -1.5}')


def _rivals(known: Known) -> Request:
    """The prompt with a score of somebody's, and a rival in any language."""
    begun = prompt(known)
    return {"candidates": [{"text": begun, "score": -1.5}, begun[::-1]]}


TASKS = {
    "complete": Task(
        complete,
        field="prompt",
        column="prompt",
        many=False,
        use="proposing the next word",
        example=lambda known: {"prompt": prompt(known), "count": 3, "tokens": 4},
        takes_text=True,
    ),
    "rescore": Task(
        rescore,
        field="candidates",
        column="candidates",
        many=False,
        use="choosing among the candidates of a recogniser",
        example=_rivals,
    ),
}
