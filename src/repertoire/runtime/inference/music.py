"""Models of music: composing frame by frame, with the state carried along."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repertoire.runtime.signature import Array, Arrays, Run, next_states


def composed(run: Run, prompt: Array, temperature: float, seed: int) -> Iterator[Array]:
    """Endless frames uint8[notes], each drawn given silence, `prompt` [time, notes] and all before.

    `temperature` 0 takes the likeliest notes.
    """
    outputs = ("frame", *run.graph("next").feedback)
    numbers, notes = np.random.default_rng(seed), prompt.shape[1]
    silence = np.zeros((1, notes), np.uint8)
    frames, states = np.concatenate((silence, prompt))[None], Arrays()
    heat = np.array([temperature], np.float32)
    while True:
        uniform = numbers.random((1, notes), np.float32)
        drawing = {"temperature": heat, "uniform": uniform}
        found = run("next", *outputs, frames=frames, **drawing, **states)
        yield found["frame"][0]
        frames, states = found["frame"][:, None], next_states(run, "next", found)
