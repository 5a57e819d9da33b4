"""The tasks of models of text: score, generate, translate."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from repertoire.runtime.errors import BadModel
from repertoire.runtime.examples import prompt, source
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run, next_states
from repertoire.runtime.task import Answer, Task
from repertoire.runtime.text import Encoding, Pieces
from repertoire.runtime.texts import by_length, padded_rows, read_texts

POSITIONS = 512  # rows x time in one run: a softmax of 10,000 words over them takes 20 MB


def score(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """How likely texts are. `text`: a string or a list of them.

    Answers `results`, for each text: tokens (with the end), log_probs of each, their sum log_prob
    (nats) and perplexity.
    """
    fields = Fields(request)
    texts = read_texts(fields)
    fields.finish()
    encoding = model.encoding("text")
    targets = [[*encoding.ids(text), *encoding.closing] for text in texts]
    scored = zip(targets, text_log_probs(model, run, targets), strict=True)
    return {"results": [_scored(encoding, ids, log_probs) for ids, log_probs in scored]}


def text_log_probs(model: Model, run: Run, targets: Sequence[list[int]]) -> list[Array]:
    """The log-probability of each token of whole texts, nats."""
    start = model.encoding("text").start
    if start is None:
        raise BadModel(f"the manifest of {model.name!r} names no token that starts a text")
    found: list[Array] = [np.empty(0)] * len(targets)
    for rows in by_length(targets):
        scored = _log_probs(model, run, [targets[row] for row in rows], start)
        for row, log_probs in zip(rows, scored, strict=True):
            found[row] = log_probs
    return found


def _log_probs(model: Model, run: Run, targets: list[list[int]], start: int) -> list[Array]:
    """The log-probability of each target given those before it, in pieces of bounded size.

    Shorter rows are padded at their end: a language model does not look ahead, so the padding
    changes nothing before it.
    """
    graph = model.manifest.graph("score")
    padded = padded_rows(targets, start)
    tokens = np.roll(padded, 1, axis=1)
    tokens[:, 0] = start
    step, states, pieces = max(1, POSITIONS // len(targets)), Arrays(), []
    for first in range(0, padded.shape[1], step):
        piece = slice(first, first + step)
        inputs = {"tokens": tokens[:, piece], "targets": padded[:, piece], **states}
        outputs = run("score", **inputs)
        states = next_states(run, graph.name, outputs)
        pieces.append(outputs["log_probs"])
    whole = np.concatenate(pieces, axis=1)
    return [whole[row, : len(ids)] for row, ids in enumerate(targets)]


def _scored(encoding: Encoding, targets: Sequence[int], log_probs: Array) -> Answer:
    total = float(log_probs.sum(dtype=np.float64))
    return {
        "tokens": encoding.tokens(targets),
        "log_probs": [float(each) for each in log_probs],
        "log_prob": total,
        "perplexity": math.exp(min(-total / len(targets), 700)),
    }


def generate(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Continues a prompt; the answer is the last event of `generate_events`."""
    for event in generate_events(model, run, request):
        last = event
    return last


def generate_events(model: Model, run: Run, request: Mapping[str, Any]) -> Iterator[Answer]:
    """Continues `prompt` by up to `max_tokens`; the same `seed` gives the same text.

    `temperature` 0 takes the likeliest token; `top_k` 0 and `top_p` 1 are off; `stop_at_end` ends
    at the first end of a line, otherwise lines follow one another. The end cannot be drawn before
    `min_tokens`, by default 1 with `stop_at_end` (an answer is never empty) and 0 without. Yields
    an event a token (text, log_prob), then one with the whole: text (without the prompt), tokens,
    log_probs (the model's own, nats), seed, finish.
    """
    fields = Fields(request)
    prompt = fields.string("prompt", "")
    most = fields.integer("max_tokens", 64, 1, 4096)
    taste = _taste(fields)
    seed = fields.seed(secrets.randbits(32))
    stop_at_end = fields.flag("stop_at_end", True)
    least = fields.integer("min_tokens", int(stop_at_end), 0, most)
    fields.finish()
    encoding = model.encoding("text")
    ids = encoding.ids(prompt)
    pieces, chosen, log_probs, text = Pieces(encoding, ids), [], [], ""
    finish = "length"
    for token, log_prob in islice(_tokens(model, run, ids, taste, seed, least), most):
        if stop_at_end and token == encoding.end:
            finish = "end"
            break
        chosen.append(token)
        log_probs.append(log_prob)
        piece = pieces.add(token)
        text += piece
        yield {"text": piece, "log_prob": log_prob}
    tokens = encoding.tokens(chosen)
    yield {"text": text, "tokens": tokens, "log_probs": log_probs, "seed": seed, "finish": finish}


def _taste(fields: Fields) -> Arrays:
    """The inputs of the graph `sample` that do not change from token to token."""
    return {
        "temperature": np.array([fields.number("temperature", 1.0, 0, 100)], np.float32),
        "top_k": np.array([fields.integer("top_k", 0, 0, 2**31)], np.int64),
        "top_p": np.array([fields.number("top_p", 1.0, 0, 1)], np.float32),
    }


def _tokens(
    model: Model, run: Run, prompt: list[int], taste: Arrays, seed: int, least: int
) -> Iterator[tuple[int, float]]:
    """Endless (token, log-probability), each drawn given all before it; `least` without the end."""
    graph, encoding = model.manifest.graph("next"), model.encoding("text")
    outputs = ["log_probs", *graph.feedback]
    numbers = np.random.default_rng(seed)
    tokens, states = np.array([[*encoding.opening, *prompt]], np.int64), Arrays()
    for count in itertools.count():
        step = run("next", *outputs, tokens=tokens, **states)
        allowed = _without(step["log_probs"], encoding.end) if count < least else step["log_probs"]
        uniform = numbers.random(1, np.float32)
        draw = {"log_probs": allowed, "uniform": uniform, **taste}
        token = int(run("sample", "token", **draw)["token"][0])
        yield token, float(step["log_probs"][0, token])
        tokens, states = np.array([[token]], np.int64), next_states(run, graph.name, step)


def _without(log_probs: Array, token: int) -> Array:
    """A copy in which a token cannot be drawn."""
    masked = log_probs.copy()
    masked[:, token] = np.finfo(masked.dtype).min  # finite, as everything that goes into a graph
    return masked


def translate(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Translates texts. `text`: a string or a list of them; `max_length`: tokens of an answer, by
    default 64, or as many as the longest that the model was trained on.

    `beam` hypotheses are kept at each token, 1 being greedy; `length_penalty` is the power by which
    longer ones are preferred, 0 being none (Wu et al. 2016, equation 14). Answers `results`, for
    each text: text, tokens, log_prob (nats, without the penalty).
    """
    fields = Fields(request)
    texts = read_texts(fields)
    search: Arrays = {
        "max_length": np.array(
            fields.integer("max_length", usual_length(model), 1, 4096), np.int64
        ),
        "beam": np.array(fields.integer("beam", 1, 1, 16), np.int64),
        "length_penalty": np.array(fields.number("length_penalty", 0.0, 0, 2), np.float32),
    }
    fields.finish()
    source, target = model.encoding("source"), model.encoding("target")
    ids = [[*source.ids(text), *source.closing] for text in texts]
    results: list[Answer] = [{}] * len(texts)
    for rows in by_length(ids):
        padded = padded_rows([ids[row] for row in rows], source.pad)
        outputs = run("translate", source=padded, **search)
        answers = zip(rows, outputs["tokens"], outputs["log_prob"], strict=True)
        for row, tokens, log_prob in answers:
            results[row] = _translated(target, tokens.tolist(), float(log_prob))
    return {"results": results}


def usual_length(model: Model) -> int:
    """Tokens of an answer that is as long as any that the model has seen."""
    longest = model.manifest.document.get("facts", {}).get("longest_target", 0)
    return min(512, max(64, longest if isinstance(longest, int) else 0))


def _translated(target: Encoding, ids: list[int], log_prob: float) -> Answer:
    ids = ids[: ids.index(target.end)] if target.end in ids else ids
    return {"text": target.text(ids), "tokens": target.tokens(ids), "log_prob": log_prob}


TASKS = {
    "score": Task(
        score,
        field="text",
        column="text",
        many=True,
        use="telling how likely a text is under it",
        example=lambda known: {"text": prompt(known)},
        takes_text=True,
    ),
    "generate": Task(
        generate,
        field="prompt",
        column="prompt",
        many=False,
        use="continuing text in the manner of its training data",
        example=lambda known: {
            "prompt": prompt(known),
            "max_tokens": 20,
            "temperature": 0.7,
            "seed": 1,
        },
        takes_text=True,
        seeded=True,
        stream=generate_events,
    ),
    "translate": Task(
        translate,
        field="text",
        column="text",
        many=True,
        use="turning one line of its source language into its target language",
        example=lambda known: {"text": source(known)},
        takes_text=True,
    ),
}
