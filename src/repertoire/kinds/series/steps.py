"""The step of a series: how far one value lies from the next, in seconds or by the calendar."""

import contextlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from repertoire.config import ConfigError
from repertoire.contract import Array
from repertoire.kinds.series.facts import CourseFacts

Unit = Literal["second", "month", "business_day", "number"]
SECOND = 10**6  # microseconds, in which times are held
DAY = 86400
# Units in which the arrays of a data set hold its times, the coarsest that tells them apart.
CLOCKS = {
    "day": np.timedelta64(1, "D"),
    "hour": np.timedelta64(1, "h"),
    "minute": np.timedelta64(1, "m"),
    "second": np.timedelta64(1, "s"),
    "microsecond": np.timedelta64(1, "us"),
}
_NUMPY = {"day": "D", "hour": "h", "minute": "m", "second": "s", "microsecond": "us"}
# Offsets of pandas that mean a number of months, wherever in the month they are anchored.
_MONTHS = {"M": 1, "ME": 1, "MS": 1, "BME": 1, "BMS": 1, "Q": 3, "QE": 3, "QS": 3, "BQE": 3}
_MONTHS |= {"BQS": 3, "Y": 12, "YE": 12, "YS": 12, "BYE": 12, "BYS": 12, "A": 12}
# Names of pandas before 2.2, which people and other libraries still use.
_RENAMED = {"H": "h", "T": "min", "S": "s", "M": "MS", "Q": "QS", "Y": "YS", "A": "YS", "L": "ms"}
_FORMER = re.compile(r"(?<![A-Za-z])[HTSMQYAL](?![A-Za-z])")
_WORDS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
ONCE = 0.5  # share of equal distances from which on they are the step
ON_GRID = 0.9  # share of distances that are whole steps


@dataclass(frozen=True)
class Step:
    """``count`` seconds, months, business days, or numbers of a count without a calendar.

    Times are datetime64[us] without a zone. A month stands for any day in it.
    """

    unit: Unit
    count: float

    @property
    def alias(self) -> str:
        """As pandas names it, and as ``step_called`` reads it."""
        if self.unit == "month":
            return f"{self.count:g}MS"
        if self.unit == "business_day":
            return "B"
        if self.count < 1:
            return f"{self.count * SECOND:.0f}us"
        for size, short in ((DAY, "D"), (3600, "h"), (60, "min"), (1, "s")):
            if self.count % size == 0:
                return f"{self.count / size:g}{short}"
        return f"{self.count * SECOND:.0f}us"

    @property
    def words(self) -> str:
        """The step as a person would say it: "hour", "15 minutes", "quarter"."""
        if self.unit == "number":
            return "step"
        if self.unit == "business_day":
            return "business day"
        if self.unit == "month":
            named = {1: "month", 3: "quarter", 12: "year"}
            return named.get(int(self.count), f"{self.count:g} months")
        if self.count == 7 * DAY:
            return "week"
        for size, name in _WORDS:
            if self.count % size == 0:
                number = int(self.count // size)
                return name if number == 1 else f"{number} {name}s"
        return f"{self.count:g} seconds"

    @cached_property
    def _width(self) -> np.timedelta64:
        return np.timedelta64(round(self.count * SECOND), "us")

    def places(self, times: Array, first: np.datetime64) -> tuple[Array, Array]:
        """How many steps each time lies after ``first``, int64, and whether they are whole."""
        if self.unit == "month":
            months = _months(times) - _months(np.array(first))
            return months // int(self.count), months % int(self.count) == 0
        if self.unit == "business_day":
            days = times.astype("datetime64[D]")
            counted = np.busday_count(first.astype("datetime64[D]"), days)
            return counted.astype(np.int64), np.is_busday(days) & (days == times)
        apart = times - first
        return apart // self._width, apart % self._width == np.timedelta64(0, "us")

    def times(self, first: np.datetime64, places: Array) -> Array:
        """The inverse of ``places``: datetime64[us]."""
        if self.unit == "month":
            start = first.astype("datetime64[M]") + places * int(self.count)
            return np.asarray(start).astype("datetime64[us]")
        if self.unit == "business_day":
            day: Any = first.astype("datetime64[D]")
            days = np.busday_offset(day, places, roll="forward")
            return np.asarray(days).astype("datetime64[us]")
        return np.asarray(first + places * self._width).astype("datetime64[us]")

    def floor(self, times: Array) -> Array:
        """The beginning of the step that holds each time; weeks begin on Mondays."""
        if self.unit == "month":
            months = _months(times) // int(self.count) * int(self.count)
            return months.astype("datetime64[M]").astype("datetime64[us]")
        if self.unit == "business_day":
            return times.astype("datetime64[D]").astype("datetime64[us]")
        monday = np.datetime64("1970-01-05", "us")
        return monday + (times - monday) // self._width * self._width


def _months(times: Array) -> Array:
    return times.astype("datetime64[M]").astype(np.int64)


def step_called(alias: str, place: str = "frequency") -> Step:
    """The step that pandas calls so: "15min", "h", "D", "W", "MS", "QS", "YS", "B", …

    Raises ConfigError.
    """
    offset: Any = None
    with contextlib.suppress(ValueError):
        offset = to_offset(_FORMER.sub(lambda found: _RENAMED[found[0]], alias))
    name = offset.name.split("-")[0].lstrip("0123456789") if offset is not None else ""
    if name in _MONTHS:
        return Step("month", _MONTHS[name] * offset.n)
    if name == "B" and offset.n == 1:
        return Step("business_day", 1)
    if name == "W":
        return Step("second", 7 * DAY * offset.n)
    try:
        seconds = pd.Timedelta(offset).total_seconds()
    except (ValueError, TypeError):
        seconds = 0.0
    if not seconds > 0:
        raise ConfigError(
            f"{place}: no step {alias!r}; there are: s, min, h, D, B (business days), W, MS "
            "(months), QS (quarters), YS (years), and multiples such as 15min"
        )
    return Step("second", int(seconds) if seconds == int(seconds) else seconds)


def found_step(times: Array) -> Step | None:
    """The step of distinct times in order, datetime64[us]; None where they have none."""
    if len(times) < 3:
        return None
    apart = np.diff(times)
    if (times == times.astype("datetime64[D]")).all() and (found := _by_calendar(times, apart)):
        return found
    widths, counts = np.unique(apart, return_counts=True)
    width = widths[counts.argmax()]
    is_whole = apart % width == np.timedelta64(0, "us")
    if counts.max() < ONCE * len(apart) or is_whole.mean() < ON_GRID:
        return None
    seconds = width / np.timedelta64(1, "s")
    return Step("second", int(seconds) if seconds == int(seconds) else float(seconds))


def _by_calendar(times: Array, apart: Array) -> Step | None:
    days, months = times.astype("datetime64[D]"), _months(times)
    of_month = (days - days.astype("datetime64[M]")).astype(np.int64)
    is_last = (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")
    moved = np.diff(months)
    anchored = (of_month == of_month[0]).all() or is_last.all()
    if moved.min() > 0 and (anchored or (apart != apart[0]).any()):
        widths, counts = np.unique(moved, return_counts=True)
        width = int(widths[counts.argmax()])
        if counts.max() >= ONCE * len(moved) and (moved % width == 0).mean() >= ON_GRID:
            return Step("month", width)
    day, weekend = np.timedelta64(1, "D"), np.timedelta64(3, "D")
    is_workday = np.is_busday(days).all() and (apart == weekend).any()
    return Step("business_day", 1) if is_workday and (apart == day).mean() >= ONCE else None


def clock_of(times: Array) -> str:
    """The coarsest of ``CLOCKS`` of which all times (datetime64) are whole numbers."""
    since = times - np.datetime64(0, "us")
    zero = np.timedelta64(0, "us")
    return next(name for name, size in CLOCKS.items() if (since % size == zero).all())


def clock_times(history: dict[str, Array]) -> Array:
    """The times that an array called after one of ``CLOCKS`` holds, as datetime64 of its unit."""
    name = next(name for name in CLOCKS if name in history)
    return history[name].astype(f"datetime64[{_NUMPY[name]}]")


def dates(history: dict[str, Array], facts: CourseFacts) -> list[str]:
    """The times of a data set's history for people; numbers where there is no calendar."""
    is_number = facts.get("step_words") == Step("number", 1).words
    return written_all(clock_times(history), Step("number", 1) if is_number else None)


def written_all(times: Array, step: Step | None = None) -> list[str]:
    """As ``written``, all in the precision that tells them apart."""
    if step is not None and step.unit == "number":
        return [str(each) for each in times.astype("datetime64[s]").astype(np.int64)]
    unit = _NUMPY[clock_of(times)]
    if step is not None and step.unit == "month":
        unit = "M" if step.count % 12 else "Y"
    return [
        each.replace("T", " ") for each in times.astype(f"datetime64[{_shown(unit)}]").astype(str)
    ]


def _shown(unit: str) -> str:
    """Hours are written with minutes: 05:00."""
    return "m" if unit == "h" else unit


def written(time: np.datetime64, step: Step | None = None) -> str:
    """A time for people, in its own precision: 2024-01-31, 2024-01-31 05:00; a step's number."""
    return written_all(np.array([time]), step)[0]
