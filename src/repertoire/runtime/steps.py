"""The calendar of a series: which times come after a time, by the step that a manifest states."""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.schema import shown

CLOSE = timedelta(milliseconds=1)  # by which times may be rounded


@dataclass(frozen=True)
class Step:
    """`count` of a `unit`: second, month or business_day."""

    unit: str
    count: float


def after(last: datetime, step: Step, count: int) -> list[str]:
    """The next `count` times, in ISO 8601, as dates where nothing but dates is at hand."""
    times = [_moved(last, step, number) for number in range(1, count + 1)]
    only_dates = all(time.time() == datetime.min.time() and not time.tzinfo for time in times)
    return [time.date().isoformat() if only_dates else time.isoformat() for time in times]


def last_of(times: Sequence[str], values: int, step: Step, path: str) -> datetime:
    """The last of the times of so many values; one alone is it.

    Raises Malformed for what is no time, and InvalidInput for times that the step does not lead to.
    """
    if len(times) not in (1, values):
        raise InvalidInput(f"{path} holds {len(times)} of {values} values; send all, or the last")
    known = [_read(time, f"{path}[{place}]") for place, time in enumerate(times)]
    for place, (before, now) in enumerate(itertools.pairwise(known), 1):
        if (before.tzinfo is None) != (now.tzinfo is None):
            raise InvalidInput(
                f"{path}[{place}] is {now.isoformat()}, and the one before it is "
                f"{before.isoformat()}; send both with a zone, or both without"
            )
        expected = _moved(before, step, 1)
        same_month = (expected.year, expected.month) == (now.year, now.month)
        is_next = same_month if step.unit == "month" else abs(expected - now) <= CLOSE
        if not is_next:
            raise InvalidInput(
                f"{path}[{place}] is {now.isoformat()}, which does not follow "
                f"{before.isoformat()} by one step; that is {expected.isoformat()}: fill missing "
                "values first"
            )
    return known[-1]


def _read(time: str, path: str) -> datetime:
    text = time.strip()
    try:
        if len(text) == len("2024") and text.isdigit():
            return datetime(int(text), 1, 1)
        return datetime.fromisoformat(f"{text}-01" if len(text) == len("2024-01") else text)
    except ValueError:
        raise Malformed(
            f"{path} is {shown(time)}; send ISO 8601 such as 2024-01-31 or 2024-01-31T05:00"
        ) from None


def _moved(time: datetime, step: Step, number: int) -> datetime:
    """`number` steps later; of months the same day, the last one after a last one."""
    try:
        if step.unit == "month":
            return _months_later(time, int(step.count) * number)
        if step.unit == "business_day":
            day = np.busday_offset(time.date().isoformat(), number, roll="backward")
            return datetime.combine(date.fromisoformat(str(day)), time.timetz())
        return time + timedelta(seconds=step.count * number)
    except (OverflowError, ValueError):
        raise InvalidInput(f"times: {time.isoformat()} leads beyond the calendar") from None


def _months_later(time: datetime, months: int) -> datetime:
    years, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    is_last = time.day == calendar.monthrange(time.year, time.month)[1]
    days = calendar.monthrange(years, month + 1)[1]
    return time.replace(year=years, month=month + 1, day=days if is_last else min(time.day, days))
