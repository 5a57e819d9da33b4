"""Which columns of a table are its times, its values, and what tells its series apart."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import ConfigError
from repertoire.data.cells import are_plain, missing, numbers
from repertoire.data.doors import FilesNeedOption, OptionNeeded
from repertoire.data.stamps import NUMBER, time_format
from repertoire.data.strings import in_arrow
from repertoire.data.tables import FILE, ROW, SPLIT
from repertoire.readers.helpers.series.files import ALL

# Names by which people and libraries call such columns, lower case; the first are preferred.
TIMES = (
    *("ds", "timestamp", "datetime", "date_time", "date", "time", "day", "week", "month"),
    *("quarter", "period", "year", "datum", "zeit", "fecha", "data", "日付", "날짜", "일자"),
)
STEPS = ("t", "step", "index", "n", "no", "i", "x")
IDS = ("unique_id", "item_id", "series_id", "ts_id", "series", "id", "ticker", "symbol", "name")
VALUES = ("y", "value", "target")
PARTS = (  # columns that make up a time together
    *(("year", "month", "day", "hour"), ("year", "month", "day"), ("year", "month")),
    *(("date", "time"), ("date", "hour")),
)
_HOUR = re.compile(r"\d{1,2}(?:[:.]\d{2}){0,2}")
LOOKED_AT = 200_000  # rows
FEW = 2000  # cells by which a column is told to be numbers


def time_columns(
    frame: pd.DataFrame, columns: Sequence[str], options: Mapping[str, str]
) -> list[str]:
    if "time" in options:
        return [name.strip() for name in options["time"].split(",")]
    called = {name.strip().lower(): name for name in reversed(columns)}
    for parts in PARTS:
        if all(part in called for part in parts) and _are_parts(frame, called, parts):
            return [called[part] for part in parts]
    textual = [c for c in columns if not _is_numeric(frame[c]) and _is_time(frame[c])]
    named = [called[name] for name in TIMES if name in called]
    if len(textual) == 1:
        return textual
    if textual and (preferred := [name for name in named if name in textual]):
        return preferred[:1]
    if textual:
        raise OptionNeeded(
            f"{len(textual)} columns could be the time: {', '.join(textual)}; say which: "
            f'--time "{textual[0]}"'
        )
    numeric = [c for c in columns if _is_numeric(frame[c])]
    for name in (*named, *numeric[:1]):
        if name in numeric and _is_time(frame[name]) and (name in named or _rises(frame[name])):
            return [name]
    for name in (*named, *(called[each] for each in STEPS if each in called), *numeric[:1]):
        if name in numeric and len(columns) > 1 and _counts(frame[name]):
            return [name]
    if named and not _is_numeric(frame[named[0]]):
        return named[:1]  # its format is asked for
    if len(columns) == 1:
        return [ROW]
    raise OptionNeeded(
        f"no column is a time (there are: {', '.join(columns[:12])}); say which: --time NAME, or "
        f"take the rows in their order as steps: --time {ROW}"
    )


def _are_parts(frame: pd.DataFrame, called: Mapping[str, str], parts: Sequence[str]) -> bool:
    """A date and an hour of the day, or whole numbers of a calendar."""
    for part in parts:
        cells = frame[called[part]].astype(str).str.strip()
        if part == "date":
            if not _is_time(frame[called[part]]):
                return False
        elif part in ("time", "hour"):
            if cells.str.fullmatch(_HOUR).mean() < ALL:
                return False
        elif cells.str.fullmatch(r"\d{1,4}(?:\.0)?").mean() < ALL:
            return False
    return True


def _is_time(cells: "pd.Series[Any]") -> bool:
    try:
        return time_format("", cells.head(500)) not in (None, NUMBER)
    except OptionNeeded:  # two formats fit
        return True


def _is_numeric(cells: "pd.Series[Any]") -> bool:
    """Whether most cells that hold something are numbers."""
    if cells.dtype.kind == "M":
        return False
    few = cells.head(2 * FEW)
    if in_arrow(few) and len(few) and are_plain(few).all():
        return True
    few = few[~missing(few)]
    if len(few) < FEW:
        few = cells[~missing(cells)]
    few = few.head(FEW)
    return len(few) > 0 and any(numbers(few, mark).notna().mean() > 0.5 for mark in (".", ","))


def _rises(cells: "pd.Series[Any]") -> bool:
    values = pd.to_numeric(cells.astype(str), errors="coerce").dropna()
    return len(values) > 2 and bool(values.is_monotonic_increasing and values.is_unique)


def _counts(cells: "pd.Series[Any]") -> bool:
    """Whole numbers of which each is as far from the next, however they are sorted."""
    values = pd.to_numeric(cells.astype(str), errors="coerce").dropna().sort_values().unique()
    apart = np.diff(values)
    return len(apart) > 2 and bool((apart == apart[0]).all() and (values % 1 == 0).all())


def id_columns(
    frame: pd.DataFrame, others: Sequence[str], cells: "pd.Series[Any]", options: Mapping[str, str]
) -> list[str]:
    """The columns that tell series apart; none in a table that is wide or of one series."""
    if "id" in options:
        return [name.strip() for name in options["id"].split(",") if name.strip()]
    frame, cells = frame.head(LOOKED_AT), cells.head(LOOKED_AT)
    called = {name.strip().lower(): name for name in reversed(others)}
    named = [called[n] for n in IDS if n in called and frame[called[n]].nunique() > 1]
    texts = cells.astype(str)
    alone = [name for name in named if name.strip().lower() == IDS[0]][:1]
    if not texts[texts != ""].duplicated().any():
        return alone  # without a look at every column of a wide table
    repeats = frame.drop_duplicates().assign(_time=texts)
    repeats = repeats[texts.loc[repeats.index] != ""]
    if not repeats["_time"].duplicated().any():
        return alone
    files = [] if (frame[SPLIT] != "").all() else [FILE]  # files called by splits are no series
    possible = [c for c in [*others, *files] if 1 < frame[c].nunique() <= len(frame) / 3]
    possible = [c for c in possible if c == FILE or c in named or not _is_numeric(frame[c])]
    apart = [c for c in possible if repeats.duplicated(["_time", c]).mean() < 1 - ALL]
    if preferred := [name for name in named if name in apart]:
        return preferred[:1]
    if len(apart) > 1:
        raise OptionNeeded(
            f"times repeat, and {len(apart)} columns could tell the series apart: "
            f"{', '.join(apart)}; say which: --id {apart[0]}"
        )
    if not apart and len(possible) > 1 and not repeats.duplicated(["_time", *possible]).any():
        raise OptionNeeded(
            f"times repeat, and only several columns together tell the series apart: --id "
            f"{','.join(possible)}"
        )
    return apart


def value_columns(
    frame: pd.DataFrame, others: Sequence[str], owners: Sequence[str], options: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """The columns of values, and those that are left aside."""
    if "value" in options:
        chosen = [name.strip() for name in options["value"].split(",")]
        if owners and len(chosen) > 1:
            raise ConfigError("--value names one column of a table that has --id")
        return chosen, [name for name in others if name not in chosen]
    numeric = [name for name in others if _is_numeric(frame[name])]
    called = {name.strip().lower(): name for name in reversed(numeric)}
    if not numeric:
        known = ", ".join(others) or "none besides the time"
        raise FilesNeedOption(f"no column holds numbers (there are: {known}); name it: --value")
    if y := [called[name] for name in VALUES if name in called]:
        numeric = y[:1]
    elif owners and len(numeric) > 1:
        raise OptionNeeded(
            f"{len(numeric)} columns could be the value: {', '.join(numeric)}; say which: "
            f'--value "{numeric[0]}"'
        )
    return numeric, [name for name in others if name not in numeric]
