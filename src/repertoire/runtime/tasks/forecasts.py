"""The task of models of series: forecast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.steps import Step, after, last_of
from repertoire.runtime.task import Answer, Known, Request, Task

VALUES = 4096  # series in one request, or values in one series
LEAST = 2  # values: one alone says nothing of how a series moves
ROWS = 64  # series in one run


def forecast(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """What comes next in series. `series`: a list of numbers, oldest first, or a list of such.

    A model of several series side by side takes, instead of a number, a row of one number a series;
    null stands for a missing one where the model was trained with such. `times`, optional: the time
    of each value of a series (ISO 8601), or of its last one alone; for several series a list of
    such. Answers `results`, for each: levels, quantiles (a list a step, in the order of the
    levels), median, low and high (between the outermost levels), interval_percent, and used: how
    many of the last values the model looked at; with `times`, those of the steps. Of several
    series, `names` are in the order of the rows, and each step holds a list for each of them.
    """
    fields = Fields(request)
    given = fields.one_or_many("series", VALUES)
    stamps = fields.items("times", VALUES)
    fields.finish()
    layout = _encoding(model)
    many = given if _many(given, layout) else [given]
    rows = [_read(each, layout) for each in many]
    times = _times(stamps, many, layout) if stamps else []
    results: list[Answer] = [{}] * len(rows)
    for places in _equally_long(rows):
        with np.errstate(over="ignore"):  # infinity is out of the port's range
            series = np.array([rows[place] for place in places], np.float32)
        quantiles = run("forecast", "quantiles", series=series)["quantiles"]
        for place, each in zip(places, quantiles, strict=True):
            results[place] = {**_described(layout, each), "used": len(rows[place])}
            if times and layout.step:
                results[place]["times"] = after(times[place], layout.step, len(each))
    return {"results": results}


@dataclass(frozen=True)
class Layout:
    """What the values of a model are; `names` where a row holds several series.

    `step` leads from a value to the next where that is known, `least` values are needed, and
    `missing` ones may be null.
    """

    levels: list[float]
    lookback: int
    names: list[str]
    step: Step | None
    least: int
    missing: bool


def _encoding(model: Model) -> Layout:
    """Raises BadModel."""
    try:
        encoding = model.manifest.encodings["series"]
        names = list(encoding.get("series", []))
        step = Step(**encoding["step"]) if "step" in encoding else None
        least, missing = int(encoding.get("least", LEAST)), "missing" in encoding
        levels, lookback = list(encoding["levels"]), int(encoding["lookback"])
        return Layout(levels, lookback, names, step, least, missing)
    except (KeyError, TypeError) as error:
        raise BadModel(f"the manifest of {model.name!r} lacks {error}; export again") from error


def _many(given: Sequence[object], layout: Layout) -> bool:
    """Whether lists lie deeper than those of one request: one for a number, two for a row."""
    lists = [each for each in given if isinstance(each, list)]
    if layout.names:
        return any(isinstance(each, list) for row in lists for each in row)
    return bool(lists)


def _read(series: object, layout: Layout) -> list[Any]:
    """The last values, or rows, that the model looks at; all of them are checked."""
    if not isinstance(series, list):
        raise Malformed("series is a list of numbers, or a list of such lists")
    for row in series:
        if layout.names and not (isinstance(row, list) and len(row) == len(layout.names)):
            named = ", ".join(layout.names)
            raise Malformed(f"series holds {_short(row)}; send rows of {named}, oldest first")
        for value in row if layout.names else [row]:
            if value is not None or not layout.missing:
                _check(value)
    if not layout.least <= len(series) <= VALUES:
        raise InvalidInput(f"series holds {len(series)} values; send {layout.least} to {VALUES}")
    return (
        _filled(series, layout.names)[-layout.lookback :]
        if layout.missing
        else (series[-layout.lookback :])
    )


def _filled(rows: list[list[Any]], names: list[str]) -> list[list[Any]]:
    """A missing value is that before it, at the beginning the first one known; as in training."""
    columns = []
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        last = next((value for value in column if value is not None), None)
        if last is None:
            raise InvalidInput(f"series holds no value of {name}; one at least must be known")
        filled = []
        for value in column:
            last = value if value is not None else last
            filled.append(last)
        columns.append(filled)
    return [list(row) for row in zip(*columns, strict=True)]


def _times(given: list[Any], series: Sequence[Any], layout: Layout) -> list[datetime]:
    """The time of the last value of each series; given times must follow one another in steps."""
    if layout.step is None:
        raise InvalidInput("times: this model knows no calendar; leave them out")
    each = given if any(isinstance(times, list) for times in given) else [given]
    if len(each) != len(series):
        raise InvalidInput(f"times are of {len(each)} series, values of {len(series)}")
    return [
        last_of(times, len(values), layout.step) for times, values in zip(each, series, strict=True)
    ]


def _check(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"series holds {_short(value)}; send numbers only, oldest first")
    if not math.isfinite(value):
        raise InvalidInput(f"series holds {value}; fill or drop missing values first")


def _short(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _equally_long(rows: Sequence[Sequence[Any]]) -> list[list[int]]:
    """Row numbers in groups that one run can take: padding would be taken for values."""
    groups: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(len(row), []).append(place)
    return [g[start : start + ROWS] for g in groups.values() for start in range(0, len(g), ROWS)]


def _described(layout: Layout, quantiles: Array) -> Answer:
    levels = layout.levels
    return {
        **({"names": layout.names} if layout.names else {}),
        "levels": levels,
        "quantiles": quantiles.tolist(),
        "median": quantiles[..., levels.index(0.5)].tolist(),
        "low": quantiles[..., 0].tolist(),
        "high": quantiles[..., -1].tolist(),
        "interval_percent": round(100 * (levels[-1] - levels[0])),
    }


def _example(known: Known) -> Request:
    """The series of a figure: several side by side, or the first of a fan chart."""
    facts, rows, fan = known.facts, known.figure("example"), known.figure("fan-first")
    if facts.get("seasonal_lags") or not (rows or fan):  # whole seasons of values are needed
        return {"series": facts.get("example", [])}
    return {"series": rows["cells"] if rows else fan["lines"][0]["y"][:12] if fan else []}


TASKS = {
    "forecast": Task(
        forecast,
        field="series",
        column="series",
        many=True,
        use="saying what may come next in such a series, and how surely",
        example=_example,
    )
}
