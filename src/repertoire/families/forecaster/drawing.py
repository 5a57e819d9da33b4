"""Figures of forecasts that one series alone and several side by side have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array, Figure, Kind, Line
from repertoire.metrics.pictures import thinned


@dataclass(frozen=True)
class Course:
    """A series as it is drawn: values (time,) and times in words, its name with unit, …"""

    values: Array
    times: Sequence[str]
    name: str
    levels: Sequence[float]
    lookback: int

    @property
    def axes(self) -> tuple[str, str]:
        return "steps from the origin", self.name


def fans(course: Course, quantiles: Array, origins: Array) -> list[Figure]:
    """At the first, the middle and the last origin; quantiles (origins, horizon, levels)."""
    places = (("first", 0), ("middle", len(origins) // 2), ("last", len(origins) - 1))
    return [_fan(course, quantiles[place], int(origins[place]), name) for name, place in places]


def _fan(course: Course, quantiles: Array, origin: int, name: str) -> Figure:
    levels, horizon = course.levels, len(quantiles)
    shown = min(course.lookback, 3 * horizon)
    ahead = list(range(1, horizon + 1))
    median = quantiles[:, levels.index(0.5)]
    lines = [
        Line(
            f"median and {100 * (levels[-1 - low] - levels[low]):.0f} % interval",
            ahead,
            median.tolist(),
            quantiles[:, low].tolist(),
            quantiles[:, -1 - low].tolist(),
        )
        for low in (0, len(levels) // 4)
    ]
    known = course.values[origin + 1 - shown : origin + horizon + 1]
    observed = Line("observed", list(range(1 - shown, horizon + 1)), known.tolist())
    caption = (
        f"Forecast from the {name} origin of the test part, {course.times[origin]}: "
        f"{horizon} steps that the net did not see, and the {shown} values before them."
    )
    return Figure(f"fan-{name}", Kind.LINES, caption, columns=course.axes, lines=(observed, *lines))


def coverage(
    actual: Array, quantiles: Array, levels: Sequence[float], known: Array | None = None
) -> Figure:
    """actual of any shape, quantiles of that shape and levels; ``known`` says what counts."""
    below = actual[..., None] <= quantiles
    shares = 100 * (below if known is None else below[known]).reshape(-1, len(levels)).mean(0)
    return Figure(
        "coverage",
        Kind.TABLE,
        "How often the value came out at or below each quantile; all origins and steps of the "
        "test part. Well calibrated quantiles repeat their level.",
        columns=("level", "at or below"),
        cells=[
            (f"{100 * level:g} %", f"{share:.1f} %")
            for level, share in zip(levels, shares, strict=True)
        ],
    )


def training(course: Course, epochs: Array, origin: int) -> Figure:
    """Medians after each epoch; epochs (epochs, horizon, levels) from the origin."""
    horizon, centre = epochs.shape[1], course.levels.index(0.5)
    ahead = list(range(1, horizon + 1))
    numbers = thinned(np.arange(1, len(epochs) + 1), 4)
    lines = [Line(f"epoch {n}", ahead, epochs[n - 1, :, centre].tolist()) for n in numbers]
    values = course.values[origin + 1 : origin + horizon + 1]
    observed = Line("observed", ahead, values.tolist(), points=True)
    caption = f"Medians from the last origin of the valid part, {course.times[origin]}, by epoch."
    return Figure(
        "while-training", Kind.LINES, caption, columns=course.axes, lines=(observed, *lines)
    )
