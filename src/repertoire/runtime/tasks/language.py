"""The tasks of models of text: score, generate, translate."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, TypedDict

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput
from repertoire.runtime.examples import prompt, source
from repertoire.runtime.inference.batch_sampling import Continuation, Wanted, sampled_together
from repertoire.runtime.inference.language import Choice, log_probs_of_texts, sampled
from repertoire.runtime.inference.rows import over_texts
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Seed
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.task import Event, Task, last
from repertoire.runtime.text import Encoding, Pieces, text_after
from repertoire.runtime.texts import (
    ROWS,
    Read,
    Texts,
    Written,
    how_read,
    how_written,
    whole,
)

POSITIONS = 512  # rows x time in one run: a softmax of 10,000 words over them takes 20 MB
LONGEST = 4096  # tokens of an answer


@dataclass(frozen=True)
class Score:
    text: Texts


class Scored(Read):
    tokens: Annotated[list[str], "of the text, its end included"]
    log_probs: Annotated[list[float], "of each token given those before it, nats"]
    log_prob: Annotated[float, "their sum, nats"]
    perplexity: float


def score(model: Model, run: Run, request: Score) -> list[Scored]:
    """How likely texts are."""
    encoding = model.encoding("text")
    ids = [encoding.ids(text) for text in request.text]
    targets = whole(encoding, ids)
    scored = zip(ids, targets, text_log_probs(model, run, targets), strict=True)
    return [_scored(encoding, own, closed, nats) for own, closed, nats in scored]


def text_log_probs(model: Model, run: Run, targets: Sequence[list[int]]) -> list[Array]:
    """The log-probability of each token of whole texts, nats."""
    start = model.encoding("text").start
    if start is None:
        raise BadModel(f"the manifest of {model.name!r} names no token that starts a text")
    return log_probs_of_texts(run, targets, start, ROWS, POSITIONS)


def _scored(encoding: Encoding, ids: Sequence[int], targets: Sequence[int], nats: Array) -> Scored:
    total = float(nats.sum(dtype=np.float64))
    return {
        "tokens": encoding.tokens(targets),
        "log_probs": [float(each) for each in nats],
        "log_prob": total,
        "perplexity": math.exp(min(-total / len(targets), 700)),
        **how_read(encoding, ids),
    }


@dataclass(frozen=True)
class Generate:
    prompt: Annotated[str, "what the text begins with"] = ""
    max_tokens: Annotated[int, Between(1, LONGEST), "of the answer, at most"] = 64
    temperature: Annotated[float, Between(0, 100), "0 takes the likeliest token"] = 1.0
    top_k: Annotated[int, Between(0, 2**31), "draw among so many; 0 is off"] = 0
    top_p: Annotated[float, Between(0, 1), "draw from this much of probability; 1 is off"] = 1.0
    seed: Seed = None
    stop_at_end: Annotated[bool, "end at the first end of a line, else lines follow"] = True
    min_tokens: Annotated[
        int | None,
        Between(0, LONGEST),
        "tokens before the end may come; usually 1 with stop_at_end, and 0 without",
    ] = None


class Generated(Read, Written):
    text: Annotated[str, "what follows the prompt"]
    tokens: list[str]
    log_probs: Annotated[list[float], "of each token under the model itself, nats"]
    seed: int
    finish: Annotated[Literal["end", "length"], "whether the end came, or max_tokens"]


class Token(TypedDict):
    text: str
    log_prob: float


def generate(model: Model, run: Run, request: Generate) -> Generated:
    """Continues a text, token by token."""
    answer: Generated = last(generate_events(model, run, request))
    return answer


def generate_events(model: Model, run: Run, request: Generate) -> Iterator[Event]:
    """An event a token, then the whole."""
    encoding = model.encoding("text")
    ids, wanted = _wanted(encoding, request)
    drawn = sampled(run, wanted.ids, wanted.choice, wanted.seed, encoding.end, wanted.least)
    pieces, found = Pieces(encoding, ids), Continuation()
    text = ""
    for token, log_prob in islice(drawn, wanted.count):
        if wanted.stops and token == encoding.end:
            found.ended = True
            break
        found.tokens.append(token)
        found.log_probs.append(log_prob)
        piece = pieces.add(token)
        text += piece
        yield "token", Token(text=piece, log_prob=log_prob)
    yield "done", _generated(encoding, ids, text, wanted.seed, found)


def generate_batch(model: Model, run: Run, requests: Sequence[Generate]) -> list[Generated]:
    """Continues texts in lockstep."""
    encoding = model.encoding("text")
    read = [_wanted(encoding, request) for request in requests]
    found = sampled_together(run, [wanted for _, wanted in read], encoding.end)
    return [
        _generated(encoding, ids, text_after(encoding, ids, own.tokens), wanted.seed, own)
        for (ids, wanted), own in zip(read, found, strict=True)
    ]


def _wanted(encoding: Encoding, request: Generate) -> tuple[list[int], Wanted]:
    """The ids of the prompt, and what is to follow. Raises InvalidInput."""
    least = int(request.stop_at_end) if request.min_tokens is None else request.min_tokens
    if least > request.max_tokens:
        raise InvalidInput(f"min_tokens is {least}; send 0 to {request.max_tokens}")
    seed = secrets.randbits(32) if request.seed is None else request.seed
    choice = Choice(request.temperature, request.top_k, request.top_p)
    ids = encoding.ids(request.prompt)
    begun, stops = [*encoding.opening, *ids], request.stop_at_end
    return ids, Wanted(begun, choice, seed, request.max_tokens, least, stops)


def _generated(
    encoding: Encoding, ids: Sequence[int], text: str, seed: int, found: Continuation
) -> Generated:
    return {
        "text": text,
        "tokens": encoding.tokens(found.tokens),
        "log_probs": found.log_probs,
        "seed": seed,
        "finish": "end" if found.ended else "length",
        **how_read(encoding, ids),
        **how_written(encoding, found.tokens),
    }


@dataclass(frozen=True)
class Translate:
    text: Texts
    max_length: Annotated[
        int | None,
        Between(1, LONGEST),
        "tokens of an answer; usually 64, or as many as the longest answer of the training data",
    ] = None
    beam: Annotated[int, Between(1, 16), "hypotheses kept at each token; 1 is greedy"] = 1
    length_penalty: Annotated[
        float,
        Between(0, 2),
        "the power by which longer answers are preferred; 0 is none (Wu et al. 2016, equation 14)",
    ] = 0.0


class Translated(Read, Written):
    text: str
    tokens: list[str]
    log_prob: Annotated[float, "of the answer, without the penalty, nats"]


def translate(model: Model, run: Run, request: Translate) -> list[Translated]:
    """Turns texts of the source language into texts of the target language."""
    origin, target = model.encoding("source"), model.encoding("target")
    search: Arrays = {
        "max_length": np.array(request.max_length or usual_length(model), np.int64),
        "beam": np.array(request.beam, np.int64),
        "length_penalty": np.array(request.length_penalty, np.float32),
    }
    ids = [origin.ids(text) for text in request.text]
    found = over_texts(
        *(run, "translate", whole(origin, ids), ROWS),
        *("tokens", "log_prob"),
        pad=origin.pad,
        port="source",
        **search,
    )
    answers = []
    for own, row, log_prob in zip(ids, found["tokens"].tolist(), found["log_prob"], strict=True):
        tokens = target.until_end(row)
        answer: Translated = {
            "text": target.text(tokens),
            "tokens": target.tokens(tokens),
            "log_prob": float(log_prob),
            **how_read(origin, own),
            **how_written(target, tokens),
        }
        answers.append(answer)
    return answers


def usual_length(model: Model) -> int:
    """Tokens of an answer that is as long as any that the model has seen."""
    longest = model.manifest.document.get("facts", {}).get("longest_target", 0)
    return min(512, max(64, longest if isinstance(longest, int) else 0))


def _bounded(graph: str, *names: str) -> Any:
    """Fields that go into ports of a graph are no larger than those take."""

    def options(model: Model) -> Mapping[str, Mapping[str, Any]]:
        known = model.manifest.graphs.get(graph)
        ports = known.inputs if known else ()
        bounds = {port.name: port.high for port in ports if port.name in names}
        return {name: {"maximum": int(high)} for name, high in bounds.items() if high is not None}

    return options


TASKS = (
    Task(
        "score",
        score,
        use="telling how likely a text is under it",
        rows="text",
        column="text",
        example=lambda known: {"text": prompt(known)},
    ),
    Task(
        "generate",
        generate,
        use="continuing text in the manner of its training data",
        rows="prompt",
        column="prompt",
        example=lambda known: {
            "prompt": prompt(known),
            "max_tokens": 20,
            "temperature": 0.7,
            "seed": 1,
        },
        options=_bounded("sample", "top_k"),
        events=generate_events,
        batch=generate_batch,
    ),
    Task(
        "translate",
        translate,
        use="turning one line of its source language into its target language",
        rows="text",
        column="text",
        example=lambda known: {"text": source(known)},
        options=_bounded("translate", "max_length", "beam", "length_penalty"),
    ),
)
