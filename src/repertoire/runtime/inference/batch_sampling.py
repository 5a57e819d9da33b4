"""Many texts drawn at once from a language model: in lockstep, each as it is drawn alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from repertoire.runtime.inference.draws import Draws, without
from repertoire.runtime.inference.language import Choice
from repertoire.runtime.signature import Array, Arrays, Run, Signature, next_states

ROWS = 64  # texts at once
POSITIONS = 4096  # texts x tokens of the prompts that one run reads


@dataclass(frozen=True)
class Wanted:
    """What is to follow `ids`: `count` tokens, or fewer where the text `stops` at its first end.

    The first `least` tokens are not the end.
    """

    ids: Sequence[int]
    choice: Choice
    seed: int
    count: int
    least: int = 0
    stops: bool = False


@dataclass
class Continuation:
    """Tokens, and the log-probability of each in nats; `ended`: the end came after them."""

    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    ended: bool = False


def sampled_together(
    run: Run, wanted: Sequence[Wanted], end: int, most: int = ROWS
) -> list[Continuation]:
    """What ``sampled`` draws for each; at most `most` texts share a run.

    A text depends on its own seed and settings alone. One that is done makes room for the next.
    """
    if not all(map(_batches, (run.graph("next"), run.graph("sample")))):
        most = 1
    batch = _Batch(run, wanted, end)
    # Prompts of one length go into one run: what fills up a shorter one would change its state.
    waiting = sorted(range(len(wanted)), key=lambda place: len(wanted[place].ids))
    while waiting or len(batch):
        if waiting and len(batch) <= most // 2:
            room = most - len(batch)
            batch.add(waiting[:room])
            del waiting[:room]
        batch.step()
    return batch.continuations


def _batches(graph: Signature) -> bool:
    return all(port.batch_axis is not None for port in (*graph.inputs, *graph.outputs))


class _Batch:
    """Texts at work: their places in what is wanted, states and what may follow their tokens."""

    def __init__(self, run: Run, wanted: Sequence[Wanted], end: int) -> None:
        self.continuations = [Continuation() for _ in wanted]
        self._run, self._wanted, self._end = run, wanted, end
        self._draws, graph = Draws(run), run.graph("next")
        self._outputs = ("log_probs", *graph.feedback)
        self._axes = {port.name: port.batch_axis or 0 for port in graph.inputs}
        self._places: list[int] = []
        self._numbers: list[np.random.Generator] = []
        self._choice = Choice.inputs_of([])
        self._log_probs = np.empty((0, 0), np.float32)
        self._states: Arrays = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, places: Sequence[int]) -> None:
        """Reads the prompts of more texts."""
        for part in self._alike(places):
            tokens = np.array([self._wanted[place].ids for place in part], np.int64)
            found = self._run("next", *self._outputs, tokens=tokens)
            states = next_states(self._run, "next", found)
            if self._places:
                both = {n: (self._states[n], state) for n, state in states.items()}
                states = {n: np.concatenate(pair, self._axes[n]) for n, pair in both.items()}
                found["log_probs"] = np.concatenate((self._log_probs, found["log_probs"]))
            self._log_probs, self._states = found["log_probs"], states
            self._places += part
            choice = Choice.inputs_of([self._wanted[place].choice for place in part])
            self._choice = {
                n: np.concatenate((self._choice[n], each)) for n, each in choice.items()
            }
            self._numbers += [np.random.default_rng(self._wanted[place].seed) for place in part]

    def _alike(self, places: Sequence[int]) -> Iterator[list[int]]:
        for length, group in itertools.groupby(places, lambda place: len(self._wanted[place].ids)):
            each = list(group)
            most = max(1, POSITIONS // length)
            yield from (each[start : start + most] for start in range(0, len(each), most))

    def step(self) -> None:
        """Draws a token of each text and lets go of those that are done."""
        texts = [self._wanted[place] for place in self._places]
        found = [self.continuations[place] for place in self._places]
        tokens = self._drawn(texts, [len(each.tokens) for each in found])
        nats = self._log_probs[np.arange(len(tokens)), tokens].tolist()
        left = []
        for row, (text, own, token) in enumerate(zip(texts, found, tokens.tolist(), strict=True)):
            own.ended = text.stops and token == self._end
            if not own.ended:
                own.tokens.append(token)
                own.log_probs.append(nats[row])
                if len(own.tokens) < text.count:
                    left.append(row)
        if len(left) < len(texts):
            self._keep(left)
            tokens = tokens[left]
        if left:
            step = self._run("next", *self._outputs, tokens=tokens[:, None], **self._states)
            self._log_probs, self._states = step["log_probs"], next_states(self._run, "next", step)

    def _drawn(self, texts: Sequence[Wanted], counts: Sequence[int]) -> Array:
        early = [row for row, text in enumerate(texts) if counts[row] < text.least]
        allowed = without(self._log_probs, self._end, early) if early else self._log_probs
        uniform = np.array([each.random(dtype=np.float32) for each in self._numbers], np.float32)
        return self._draws(allowed, uniform, self._choice, np.array(counts) == 0)

    def _keep(self, rows: Sequence[int]) -> None:
        self._places = [self._places[row] for row in rows]
        self._numbers = [self._numbers[row] for row in rows]
        self._choice = {name: each[rows] for name, each in self._choice.items()}
        states = self._states.items()
        self._states = {name: np.take(state, rows, self._axes[name]) for name, state in states}
