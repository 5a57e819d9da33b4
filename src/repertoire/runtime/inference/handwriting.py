"""Models of pen strokes: drawing movement by movement, with the state carried along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from repertoire.runtime.signature import Array, Arrays, Run, next_states


def movements(
    run: Run, seeds: Sequence[int], bias: float, text: Array | None = None
) -> Iterator[tuple[Array, Array]]:
    """Endless movements of a pen a seed: dx, dy, end of stroke (rows, 3), and whether a row is past
    the end of its `text` int64 (rows, letters); without one, none ever is.

    A row depends on its seed, its text and the `bias` (larger is neater) alone.
    """
    numbers = [np.random.default_rng(seed) for seed in seeds]
    outputs = (*([] if text is None else ["past"]), *run.graph("next").feedback)
    fixed: Arrays = {"bias": np.full(len(seeds), bias, np.float32)}
    if text is not None:
        fixed["text"] = text
    states, never = Arrays(), np.zeros(len(seeds), bool)
    while True:
        uniform = np.stack([each.random(4, np.float32) for each in numbers])
        found = run("next", *outputs, uniform=uniform, **fixed, **states)
        states = next_states(run, "next", found)
        yield states["point"], never if text is None else found["past"] > 0


def polylines(points: Array) -> list[Array]:
    """points (time, 3) -> where the pen went down, (points, 2) a stroke; single dots are left out.

    A stroke ends after a point whose last number is above one half. The movement from there to the
    next point, and the first of all, go through the air.
    """
    places = points[:, :2].astype(np.float64).cumsum(0)
    ends = np.flatnonzero(points[:, 2] > 0.5) + 1
    return [stroke for stroke in np.split(places, ends) if len(stroke) > 1]
