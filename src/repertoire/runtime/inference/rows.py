"""Graphs over any number of rows, a few in a run, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from repertoire.runtime.signature import DTYPES, Array, Arrays, Run

Ids: TypeAlias = Sequence[Sequence[int] | Array]
"""Token ids of texts, each of its own length."""


def over_rows(run: Run, graph: str, most: int, /, *outputs: str, **inputs: Array) -> Arrays:
    """Outputs of a graph, `most` rows a run in their order; an input without axes is of every run.

    Narrower numbers are widened to the types of its ports, run by run. Where runs give outputs of
    unequal sizes, the smaller are filled up with 0.
    """
    types = {port.name: DTYPES[port.dtype] for port in run.graph(graph).inputs}
    count = max(len(array) for array in inputs.values() if array.ndim)
    parts = []
    for start in range(0, count, most):
        rows = np.arange(start, min(start + most, count))
        part = slice(start, start + most)
        given = {name: array[part] if array.ndim else array for name, array in inputs.items()}
        widened = {n: a.astype(types[n], casting="safe", copy=False) for n, a in given.items()}
        parts.append((rows, run(graph, *outputs, **widened)))
    return _joined(parts)


def over_texts(
    run: Run,
    graph: str,
    texts: Ids,
    most: int,
    /,
    *outputs: str,
    pad: int = 0,
    port: str = "tokens",
    **settings: Array,
) -> Arrays:
    """As ``over_rows``, over texts that go into `port`: those of similar length in one run."""
    return _joined(
        [
            (rows, run(graph, *outputs, **{port: ids}, **settings))
            for rows, ids in by_length(texts, most, pad)
        ]
    )


def by_length(texts: Ids, most: int, pad: int) -> Iterator[tuple[Array, Array]]:
    """Row numbers, and the ids of these rows filled up with `pad`: int64 (rows, longest of them).

    At most `most` rows of similar length, so that little of a run is padding.
    """
    order = np.array([len(text) for text in texts]).argsort(kind="stable")
    for start in range(0, len(order), most):
        rows = order[start : start + most]
        part = [texts[row] for row in rows.tolist()]
        ids = np.empty((len(part), len(part[-1])), np.int64)
        ids.fill(pad)
        for place, text in enumerate(part):
            ids[place, : len(text)] = text
        yield rows, ids


def _joined(parts: Sequence[tuple[Array, Arrays]]) -> Arrays:
    """The outputs of all runs, each row in its place."""
    count = sum(len(rows) for rows, _ in parts)
    found = {}
    for name, first in parts[0][1].items():
        shapes = [outputs[name].shape[1:] for _, outputs in parts]
        sizes = [max(of_axis) for of_axis in zip(*shapes, strict=True)]
        found[name] = np.zeros((count, *sizes), first.dtype)
        for (rows, outputs), shape in zip(parts, shapes, strict=True):
            place: Any = rows if list(shape) == sizes else (rows, *map(slice, shape))
            found[name][place] = outputs[name]
    return found
