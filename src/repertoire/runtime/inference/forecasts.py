"""Models of series: the quantiles of what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from repertoire.runtime.signature import Array, Run

ROWS = 64  # series in one run


def quantiles_after(run: Run, series: Array) -> Array:
    """After series (batch, time) or, side by side, (batch, time, series), in their unit:

    (batch, horizon, levels) or (batch, horizon, series, levels).
    """
    return run("forecast", "quantiles", series=series)["quantiles"]


def of_unequal(run: Run, series: Sequence[Array]) -> list[Array]:
    """``quantiles_after`` each of several series, whatever their lengths.

    None is filled up, for that would be taken for values.
    """
    found: dict[int, Array] = {}
    for rows in _equally_long(series):
        batch = np.stack([series[row] for row in rows])
        found.update(zip(rows, quantiles_after(run, batch), strict=True))
    return [found[row] for row in range(len(series))]


def _equally_long(series: Sequence[Array]) -> Iterator[list[int]]:
    groups: dict[int, list[int]] = {}
    for row, each in enumerate(series):
        groups.setdefault(len(each), []).append(row)
    for group in groups.values():
        for start in range(0, len(group), ROWS):
            yield group[start : start + ROWS]
