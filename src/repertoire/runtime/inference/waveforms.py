"""Models of signals: scoring and drawing levels, with the state carried along."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repertoire.runtime.companding import SILENCE
from repertoire.runtime.signature import Array, Arrays, Run, next_states

PIECE = 4096  # levels of a signal in one run


def after_silence(levels: Array) -> Array:
    """What comes before each level: uint8 (rows, time), silence before the first."""
    silence = np.full_like(levels[:, :1], SILENCE)
    return np.concatenate((silence, levels[:, :-1]), axis=1)


def log_probs(run: Run, before: Array, piece: int = PIECE) -> Iterator[Array]:
    """The log-probability of each level after each of `before` uint8 (rows, time), nats.

    (rows, up to `piece`, levels), one piece after another; rows start from fresh states.
    """
    states: Arrays = {}
    for start in range(0, before.shape[1], piece):
        outputs = run("score", levels=before[:, start : start + piece], **states)
        states = next_states(run, "score", outputs)
        yield outputs["log_probs"]


def continued(run: Run, given: Array, temperature: float, seed: int) -> Iterator[Array]:
    """Endless levels uint8 (rows,), drawn given silence, `given` (rows, time) and all before them.

    `temperature` 0 takes the likeliest level.
    """
    rows, carried = len(given), run.graph("step").feedback
    numbers, heat = np.random.default_rng(seed), np.full(rows, temperature, np.float32)
    fed = np.concatenate((np.full((rows, 1), SILENCE, np.uint8), given), axis=1)
    last, states = (fed.shape[1] - 1) // PIECE * PIECE, Arrays()
    for start in range(0, last, PIECE):
        # What is drawn here does not matter.
        inputs = {"levels": fed[:, start : start + PIECE], **states}
        outputs = run("step", *carried, **inputs, temperature=heat, uniform=np.zeros_like(heat))
        states = next_states(run, "step", outputs)
    fed = fed[:, last:]
    while True:
        drawing = {"temperature": heat, "uniform": numbers.random(rows, np.float32)}
        outputs = run("step", "level", *carried, levels=fed, **drawing, **states)
        yield outputs["level"]
        fed, states = outputs["level"][:, None], next_states(run, "step", outputs)
