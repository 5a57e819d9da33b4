"""Language models: scoring and sampling token by token, with the state carried along."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.runtime.inference.draws import without
from repertoire.runtime.inference.rows import Ids, by_length
from repertoire.runtime.signature import Array, Arrays, Run, next_states


@dataclass(frozen=True)
class Choice:
    """How a token is drawn: `temperature` 0 takes the likeliest; `top_k` 0 and `top_p` 1 are off.

    Sources: top-k, Fan et al. 2018, section 5.4; nucleus, Holtzman et al. 2020, section 3.1.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def inputs(self) -> Arrays:
        """The inputs of the graph `sample` that do not change from token to token."""
        return self.inputs_of([self])

    @staticmethod
    def inputs_of(choices: Sequence[Choice]) -> Arrays:
        """The same for several rows."""
        return {
            "temperature": np.array([each.temperature for each in choices], np.float32),
            "top_k": np.array([each.top_k for each in choices], np.int64),
            "top_p": np.array([each.top_p for each in choices], np.float32),
        }


def shifted(targets: Array, start: int) -> Array:
    """What comes before each target: int64 (rows, time), the first after `start`."""
    before = np.full_like(targets[:, :1], start)
    return np.concatenate((before, targets[:, :-1]), axis=1)


def log_probs(run: Run, tokens: Array, targets: Array, positions: int) -> Array:
    """The log-probability of each target given the tokens up to its place: (rows, time), nats.

    Rows start from fresh states, which are carried over time in pieces of at most `positions`
    rows x time. What fills up a shorter row at its end changes nothing before it.
    """
    step = max(1, positions // len(targets))
    states: Arrays = {}
    pieces = []
    for first in range(0, targets.shape[1], step):
        piece = slice(first, first + step)
        outputs = run("score", tokens=tokens[:, piece], targets=targets[:, piece], **states)
        states = next_states(run, "score", outputs)
        pieces.append(outputs["log_probs"])
    return np.concatenate(pieces, axis=1)


def log_probs_of_rows(run: Run, tokens: Array, targets: Array, positions: int) -> Array:
    """As ``log_probs``, a few rows at a time, so that a run holds `positions` of any number."""
    most = max(1, positions // targets.shape[1])
    parts = [slice(start, start + most) for start in range(0, len(targets), most)]
    return np.concatenate([log_probs(run, tokens[p], targets[p], positions) for p in parts])


def log_probs_of_texts(run: Run, texts: Ids, start: int, most: int, positions: int) -> list[Array]:
    """The log-probability of each token of whole texts, nats; at most `most` texts a run."""
    found: dict[int, Array] = {}
    for rows, ids in by_length(texts, most, start):
        scored = log_probs(run, shifted(ids, start), ids, positions)
        found |= {row: nats[: len(texts[row])] for row, nats in zip(rows, scored, strict=True)}
    return [found[row] for row in range(len(texts))]


def sampled(
    run: Run, ids: Sequence[int], choice: Choice, seed: int, end: int = 0, least: int = 0
) -> Iterator[tuple[int, float]]:
    """Endless (token, log-probability in nats), each drawn given `ids` and all before it.

    The first `least` tokens are not the `end`.
    """
    outputs = ("log_probs", *run.graph("next").feedback)
    numbers, how = np.random.default_rng(seed), choice.inputs()
    tokens, states = np.array([ids], np.int64), Arrays()
    for count in itertools.count():
        step = run("next", *outputs, tokens=tokens, **states)
        allowed = without(step["log_probs"], end) if count < least else step["log_probs"]
        uniform = numbers.random(1, np.float32)
        token = int(run("sample", "token", log_probs=allowed, uniform=uniform, **how)["token"][0])
        yield token, float(step["log_probs"][0, token])
        tokens, states = np.array([[token]], np.int64), next_states(run, "next", step)


def completed(
    run: Run, ids: list[int], allowed: Array, count: int, length: int
) -> tuple[Array, Array]:
    """Of the tokens `allowed` after `ids` the likeliest, each with the likeliest tokens after it.

    int64 (count or fewer, length), and the log-probability of each row, nats; not in order.
    """
    outputs = ("log_probs", *run.graph("next").feedback)
    step = run("next", *outputs, tokens=np.array([ids], np.int64))
    order = np.argsort(-step["log_probs"][0, allowed], kind="stable")
    first = allowed[order[:count]]
    tokens, nats = first[:, None], step["log_probs"][0, first].astype(np.float64)
    states = _repeated(run, next_states(run, "next", step), len(first))
    for _ in range(length - 1 if len(first) else 0):
        step = run("next", *outputs, tokens=tokens[:, -1:], **states)
        likeliest = step["log_probs"].argmax(1)[:, None].astype(np.int64)
        nats += step["log_probs"].max(1)
        tokens, states = np.concatenate((tokens, likeliest), 1), next_states(run, "next", step)
    return tokens, nats


def _repeated(run: Run, states: Arrays, count: int) -> Arrays:
    """The states of one row for `count` rows."""
    axes = {port.name: port.batch_axis for port in run.graph("next").inputs}
    return {name: np.repeat(state, count, axes[name]) for name, state in states.items()}
