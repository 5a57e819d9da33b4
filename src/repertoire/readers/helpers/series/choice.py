"""Which columns of a table are its times, its values, and whose these are, and in which format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import ConfigError
from repertoire.data.cells import decimal_mark
from repertoire.data.doors import Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.stamps import (
    NUMBER,
    known_zone,
    proposed_zone,
    stamps,
    time_format,
)
from repertoire.data.tables import FILE, ROW, Table
from repertoire.kinds.series.steps import found_step, step_called, written
from repertoire.readers.helpers.series.columns import id_columns, time_columns, value_columns
from repertoire.readers.helpers.series.files import (
    SPLIT_COLUMN,
    SeriesTable,
    time_cells,
)

UNUSED = 6  # columns that a sentence names at most


@dataclass(frozen=True)
class Choice:
    """How the table is read, which series it holds (empty: all of a long table), and why."""

    table: SeriesTable
    names: list[str]
    facts: list[Fact]


def choose(content: Table, options: Mapping[str, str], read: SeriesTable) -> Choice:
    """Everything about the table but gaps. ``read`` holds what the user said of the file.

    Raises OptionNeeded where a choice is not plain.
    """
    frame, columns = content.frame, _columns(content)
    _refuse_sideways(columns)
    time = time_columns(frame, columns, options)
    cells = time_cells(frame, time)
    form = options.get("time-format") or time_format(", ".join(time), cells)
    if form is None:
        raise OptionNeeded(
            f"column {', '.join(time)}: {str(cells.iloc[0])!r} is no time of a known format; "
            'say its format: --time-format "%d.%m.%Y %H:%M" (as of strptime), or choose another '
            "column: --time"
        )
    zone = known_zone(options["timezone"]) if "timezone" in options else proposed_zone(cells, form)
    table = replace(read, time=tuple(time), time_format=form, timezone=zone)
    others = [column for column in columns if column not in time]
    owners = id_columns(frame, others, cells, options)
    others = [column for column in others if column not in owners]
    values, left = value_columns(frame, others, owners, options)
    one = bool(owners) or len(values) == 1
    table = replace(table, id=tuple(owners), value=values[0] if one else "")
    table = replace(table, decimal=_decimal(content, values, options))
    facts = [Fact("time", _time_words(table, cells)), Fact("values", _value_words(table, values))]
    if left:
        more = f" and {len(left) - UNUSED:,} more" if len(left) > UNUSED else ""
        facts.append(Fact("unused columns", ", ".join(left[:UNUSED]) + more))
    table = replace(table, frequency=_frequency(table, cells, options))
    return Choice(table, [] if one else values, facts)


def _columns(content: Table) -> list[str]:
    """Without a column that names splits, and without a row number that a program wrote."""
    columns = list(content.columns)
    if SPLIT_COLUMN in columns and all(
        split_called(str(cell)) for cell in content.frame[SPLIT_COLUMN].unique()
    ):
        columns.remove(SPLIT_COLUMN)
    counted = pd.Series(range(len(content.frame)))
    for name in ("Unnamed: 0", "column_1", "rownames"):
        if name in columns and len(columns) > 1:
            cells = pd.to_numeric(content.frame[name].astype(str), errors="coerce")
            if (cells.diff().dropna() == counted.diff().dropna()).all():
                columns.remove(name)
    return columns


def _refuse_sideways(columns: Sequence[str]) -> None:
    """Where the header holds times, each row is a series: no layout that is read."""
    names = pd.Series(list(columns[1:]), dtype=str)
    if len(names) < 5:
        return
    form = time_format("header", names)
    if form not in (None, NUMBER, "%Y") and names.str.contains(r"\d").all():
        raise SourceError(
            f"the header holds times ({names.iloc[0]}, {names.iloc[1]}, …): turn the table so "
            "that each row is one time and each column one series"
        )


def _decimal(content: Table, values: Sequence[str], options: Mapping[str, str]) -> Any:
    """The decimal mark; where both fit, semicolons between cells say that it is the comma."""
    frame = content.frame
    if "decimal" in options:
        if options["decimal"] not in (".", ","):
            raise ConfigError('--decimal: say "." or ","')
        return options["decimal"]
    for name in values:
        if name not in frame:
            known = ", ".join(c for c in frame.columns if not c.startswith("_"))
            raise ConfigError(f"--value: no column {name!r}; there are: {known}")
    texts = [frame[name].astype(str) for name in values if frame[name].dtype.kind not in "iuf"]
    if not texts:
        return "."
    try:
        return decimal_mark(", ".join(values[:UNUSED]), pd.concat(texts, ignore_index=True))
    except OptionNeeded:
        if all("semicolon" in form for form in content.formats):
            return ","
        raise


def _frequency(table: SeriesTable, cells: "pd.Series[Any]", options: Mapping[str, str]) -> str:
    if "frequency" in options:
        return step_called(options["frequency"], "--frequency").alias
    times = stamps(cells, table.time_format, table.timezone).dropna()
    distinct = np.unique(times.to_numpy("datetime64[us]"))
    if len(distinct) < 3:
        raise SourceError(
            f"{len(distinct)} different times: too few for a series; is --time right?"
        )
    if step := found_step(distinct):
        return step.alias
    apart, counts = np.unique(np.diff(distinct), return_counts=True)
    width = pd.Timedelta(apart[counts.argmax()])
    raise OptionNeeded(
        f"times are not regular: the most frequent distance, {width}, is that of "
        f"{100 * counts.max() / counts.sum():.0f} %; say a step and how its values become "
        "one: --frequency h --aggregate mean (or sum, first, last)"
    )


def _time_words(table: SeriesTable, cells: "pd.Series[Any]") -> str:
    column = ", ".join(table.time)
    if table.time == (ROW,):
        return "none: the rows in their order are the steps"
    zones = {
        "": "",
        "UTC": "; with offsets, turned into UTC",
        "local": "; offsets are left away, each is the midnight that begins a day",
    }
    zone = zones.get(table.timezone, f"; of {table.timezone}, turned into UTC")
    times = stamps(cells, table.time_format, table.timezone).dropna()
    span = ""
    if len(times) and table.time_format != NUMBER:
        ends = [written(np.datetime64(end, "us")) for end in (times.min(), times.max())]
        span = f", {ends[0]} to {ends[1]}"
    return f"column {column}, read as {table.time_format}{zone}{span}"


def _value_words(table: SeriesTable, values: Sequence[str]) -> str:
    comma = "; the comma is the decimal mark" if table.decimal == "," else ""
    if table.id:
        whose = ", ".join("file" if name == FILE else name for name in table.id)
        return f"column {table.value}, a series for each {whose}{comma}"
    more = f" and {len(values) - UNUSED:,} more" if len(values) > UNUSED else ""
    listed = ", ".join(values[:UNUSED]) + more
    noun = "column" if len(values) == 1 else f"{len(values)} columns, a series each:"
    return f"{noun} {listed}{comma}"
