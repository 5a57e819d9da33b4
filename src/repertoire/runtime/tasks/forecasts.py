"""The task of models of series: forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np

from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.inference.forecasts import of_unequal
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Called, Many, Rows, shown
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.steps import Step, after, last_of
from repertoire.runtime.task import Known, Task

VALUES = 4096  # series in one request, or values in one series
LEAST = 2  # values: one alone says nothing of how a series moves
LARGEST = float(np.finfo(np.float32).max)

Values = list[float | None]
Series = Annotated[Values | list[Values], Called("a list of numbers, oldest first")]
Times = Annotated[
    list[str] | list[list[str]],
    Called("a list of times such as 2024-01-31T05:00, or a list of such lists"),
]
Steps = list[float] | list[list[float]]


@dataclass(frozen=True)
class Forecast:
    series: Annotated[
        list[Series],
        Many(VALUES),
        "numbers, oldest first, or a list of such series; for a model of several series side by "
        "side a list of one number each in place of a number, null being a missing one",
    ]
    times: Annotated[
        Times,
        "of each value of a series (ISO 8601), or of its last one alone; for several series a list "
        "of such lists",
    ] = field(default_factory=list)


class Forecasted(TypedDict):
    names: NotRequired[Annotated[list[str], "of the series side by side, in the order of a row"]]
    levels: Annotated[list[float], "of the quantiles, rising"]
    quantiles: Annotated[
        list[list[float]] | list[list[list[float]]], "a list a step, in the order of the levels"
    ]
    median: Annotated[Steps, "of each step"]
    low: Annotated[Steps, "quantiles of the outermost level below"]
    high: Annotated[Steps, "and above"]
    interval_percent: Annotated[int, "how often values lie between low and high"]
    used: Annotated[int, "how many of the last values the model looked at"]
    times: NotRequired[Annotated[list[str], "of the steps, where times were given"]]


@dataclass(frozen=True)
class Layout:
    """What the values of a model are; `names` where a row holds several series.

    They lie from `low` to `high`. `step` leads from a value to the next where that is known,
    `least` values are needed, and `missing` ones may be null.
    """

    levels: list[float]
    lookback: int
    names: list[str]
    step: Step | None
    least: int
    missing: bool
    low: float
    high: float


def forecast(model: Model, run: Run, request: Forecast) -> list[Forecasted]:
    """What comes next in series, and how surely.

    For models of several series side by side, each step of an answer holds a list of one number
    a series.
    """
    layout = _layout(model)
    given = [request.series] if _is_one(request.series, layout) else request.series
    paths = ["series"] if len(given) == 1 else [f"series[{n}]" for n in range(len(given))]
    rows = [_read(each, path, layout) for each, path in zip(given, paths, strict=True)]
    times = _times(request.times, given, layout) if request.times else []
    answers = []
    for place, quantiles in enumerate(of_unequal(run, rows)):
        if not np.isfinite(quantiles).all():
            raise InvalidInput(
                f"{paths[place]}: what comes next is beyond the numbers of the model; "
                "send values like those of its training data"
            )
        answer = _described(layout, quantiles, len(rows[place]))
        if times and layout.step:
            answer["times"] = after(times[place], layout.step, len(quantiles))
        answers.append(answer)
    return answers


def _layout(model: Model) -> Layout:
    """Raises BadModel."""
    try:
        encoding = model.manifest.encodings["series"]
        [port] = model.manifest.graph("forecast").inputs
        return Layout(
            levels=list(encoding["levels"]),
            lookback=int(encoding["lookback"]),
            names=list(encoding.get("series", [])),
            step=Step(**encoding["step"]) if "step" in encoding else None,
            least=int(encoding.get("least", LEAST)),
            missing="missing" in encoding,
            low=-LARGEST if port.low is None else port.low,
            high=LARGEST if port.high is None else port.high,
        )
    except (KeyError, TypeError) as error:
        raise BadModel(f"the manifest of {model.name!r} lacks {error}; export again") from error


def _is_one(series: Sequence[Any], layout: Layout) -> bool:
    """Whether rows of numbers are one series of a model of several side by side.

    By their types, they may be several series of another model, too.
    """
    if not layout.names or isinstance(series, Rows):
        return False
    return not any(isinstance(value, list) for row in series for value in row)


def _one(model: Model, value: Any) -> bool:
    """Whether lists lie as deep as in one series: one for a number, two for a row."""
    depth = 0
    while isinstance(value, list | tuple):
        depth, value = depth + 1, next((each for each in value if each), 0)
    return depth < (3 if _layout(model).names else 2)


def _read(series: Sequence[Any], path: str, layout: Layout) -> Array:
    """float32[time], or [time, series], of the last values, those that the model looks at."""
    wide = len(layout.names)
    for place, row in enumerate(series):
        if wide and not (isinstance(row, list) and len(row) == wide):
            named = ", ".join(layout.names)
            raise Malformed(f"{path}[{place}] is {shown(row)}; send one number each of {named}")
        if not wide and isinstance(row, list):
            raise Malformed(f"{path}[{place}] is {shown(row)}; send a number")
    if not layout.least <= len(series) <= VALUES:
        known = f"{layout.least} to {VALUES}"
        raise InvalidInput(f"{path} holds {len(series)} values; send {known}")
    values = np.array(series, np.float64)  # null becomes NaN
    missing = np.isnan(values)
    if not layout.missing:
        for where, _ in _marked(missing, series, path):
            raise Malformed(f"{where} is null; send a number: fill or drop missing values first")
    beyond = ~missing & ((values < layout.low) | (values > layout.high))
    for where, value in _marked(beyond, series, path):
        raise InvalidInput(f"{where} is {value:g}; send {layout.low:g} to {layout.high:g}")
    if layout.missing:
        values = _filled(values, path, layout.names)
    return values[-layout.lookback :].astype(np.float32)


def _marked(marks: Array, series: Sequence[Any], path: str) -> Iterator[tuple[str, Any]]:
    """The path and the value of each place that is marked."""
    for place in np.argwhere(marks).tolist():
        where, value = path, series
        for index in place:
            where, value = f"{where}[{index}]", value[index]
        yield where, value


def _filled(values: Array, path: str, names: Sequence[str]) -> Array:
    """A missing value is that before it, at the beginning the first one known; as in training."""
    known = ~np.isnan(values)
    for name in np.array(names)[~known.any(0)][:1]:
        raise InvalidInput(f"{path} holds no value of {name}; one at least must be known")
    places = np.where(known, np.arange(len(values))[:, None], known.argmax(0))
    return np.take_along_axis(values, np.maximum.accumulate(places), 0)


def _times(given: Sequence[Any], series: Sequence[Sequence[Any]], layout: Layout) -> list[datetime]:
    """The time of the last value of each series; given times must follow one another in steps."""
    step = layout.step
    if step is None:
        raise InvalidInput("times: this model knows no calendar; leave them out")
    each = [given] if isinstance(given[0], str) else given
    if len(each) != len(series):
        raise InvalidInput(f"times are of {len(each)} series, values of {len(series)}")
    paths = ["times"] if len(each) == 1 else [f"times[{n}]" for n in range(len(each))]
    return [
        last_of(times, len(values), step, path)
        for times, values, path in zip(each, series, paths, strict=True)
    ]


def _described(layout: Layout, quantiles: Array, used: int) -> Forecasted:
    levels = layout.levels
    answer: Forecasted = {
        "levels": levels,
        "quantiles": quantiles.tolist(),
        "median": quantiles[..., levels.index(0.5)].tolist(),
        "low": quantiles[..., 0].tolist(),
        "high": quantiles[..., -1].tolist(),
        "interval_percent": round(100 * (levels[-1] - levels[0])),
        "used": used,
    }
    return {"names": layout.names, **answer} if layout.names else answer


def _options(model: Model) -> Mapping[str, Mapping[str, Any]]:
    """Series as deep, as long and with such values as this model takes."""
    layout = _layout(model)
    value: dict[str, Any] = {"type": "number", "minimum": layout.low, "maximum": layout.high}
    if layout.missing:
        value = {"anyOf": [value, {"type": "null"}]}
    if wide := len(layout.names):
        value = {"type": "array", "items": value, "minItems": wide, "maxItems": wide}
    one = {"type": "array", "items": value, "minItems": layout.least, "maxItems": VALUES}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": VALUES}
    return {
        "series": {"anyOf": [one, several]},
        **({} if layout.step else {"times": {"maxItems": 0}}),
    }


def _example(known: Known) -> Mapping[str, Any]:
    """The series of a figure: several side by side, or the first of a fan chart."""
    facts, rows, fan = known.facts, known.figure("example"), known.figure("fan-first")
    if facts.get("seasonal_lags") or not (rows or fan):  # whole seasons of values are needed
        return {"series": facts.get("example", [])}
    return {"series": rows["cells"] if rows else fan["lines"][0]["y"][:12] if fan else []}


TASKS = (
    Task(
        "forecast",
        forecast,
        use="saying what may come next in such a series, and how surely",
        rows="series",
        column="series",
        example=_example,
        options=_options,
        one=_one,
    ),
)
