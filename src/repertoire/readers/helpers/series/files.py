"""Tables of times and values, long or wide, as the numbers in them: one row an observation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Natural
from repertoire.contract import Array
from repertoire.data.cells import DecimalMark, missing, numbers
from repertoire.data.doors import BadRows
from repertoire.data.splits import split_called
from repertoire.data.stamps import stamps
from repertoire.data.table_formats import Reading
from repertoire.data.tables import FILE, ROW, SPLIT, Table, read_tables, table_files

SPLIT_COLUMN = "split"


@dataclass(frozen=True)
class SeriesTable:
    """How times and values stand in a table.

    ``encoding`` and ``delimiter``: "" where the file itself tells; ``columns`` name those of a file
    without a header. ``time`` names one column, or several that make up a time (date and hour, year
    and month); ``time_format`` and ``timezone`` are those of ``repertoire.data.stamps``. Long
    tables: the columns ``id`` tell whose value stands in the column ``value``. Wide ones: ``id`` is
    empty, and each series is a column. ``frequency`` is the step from a value to the next as pandas
    names it. ``aggregate`` makes one value of several within a step ("none": there are none).
    ``gaps`` of values: refused, filled by a straight line over at most ``longest_gap`` steps, left
    out of loss and metrics (several series), or skipped as if the next value followed at once.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    time: tuple[str, ...]
    time_format: str
    timezone: str
    id: tuple[str, ...]
    value: str
    decimal: DecimalMark
    frequency: str
    aggregate: Literal["none", "mean", "sum", "first", "last"]
    gaps: Literal["fail", "interpolate", "leave", "skip"]
    longest_gap: Natural


@dataclass
class Observations:
    """What a table says, in its order. ``times`` (rows,) datetime64[us], ``values`` (rows, columns)
    with NaN where none is known, ``owners`` (rows,): whose they are, an index of ``names``; in a
    wide table each column is one of ``names``. ``files`` and ``rows`` are where they stand, and
    ``splits`` their parts ("" where the files tell none).
    """

    names: list[str]
    times: Array
    values: Array
    owners: Array | None
    files: Array
    rows: Array
    splits: Array

    def place(self, index: int) -> str:
        """Where a row stands, for people."""
        return f"{self.files[index]}: row {self.rows[index]}"

    def kept(self, which: Array) -> "Observations":
        """Those rows alone (a mask, or indices in an order)."""
        owners = None if self.owners is None else self.owners[which]
        return Observations(
            self.names,
            self.times[which],
            self.values[which],
            owners,
            self.files[which],
            self.rows[which],
            self.splits[which],
        )


def read_series(
    raw: Path, table: SeriesTable, include: Sequence[str] = (), limit: int | None = None
) -> Table:
    """The cells of all files, up to ``limit`` bytes of each; of the columns that are named."""
    reading = Reading(
        encoding=table.encoding,
        delimiter=table.delimiter,
        columns=table.columns,
        include=include,
        limit=limit,
    )
    return read_tables(table_files(raw), reading)


def time_cells(frame: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[Any]":
    """The cells of the time; several columns of digits as 2024-01-31, others with a space."""
    _known(frame, columns)
    if len(columns) == 1:
        return frame[columns[0]]
    parts = [frame[column].astype(str).str.strip() for column in columns]
    parts = [part.str.replace(r"^(\d+)\.0+$", r"\1", regex=True) for part in parts]
    is_digits = all(part.str.fullmatch(r"\d{1,4}").mean() > ALL for part in parts[:3])
    joined = parts[0]
    for place, part in enumerate(parts[1:], 1):
        dashed = is_digits and place < 3
        joined = joined + ("-" if dashed else " ") + (part.str.zfill(2) if is_digits else part)
    # An hour alone is no ISO 8601.
    return joined + ":00" if is_digits and len(parts) == 4 else joined


ALL = 0.9  # share of a column's cells that show what the column is


def _known(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame:
            known = ", ".join(str(c) for c in frame.columns if c not in (FILE, ROW, SPLIT))
            raise ConfigError(f"no column {column!r}; there are: {known}")


def observed(
    table: SeriesTable, names: Sequence[str], content: Table, bad: BadRows
) -> Observations:
    """Times and values of the rows; those that cannot be read go to ``bad``.

    ``names`` of the series, in order; of a long table empty for all that it holds.
    """
    for broken in content.bad:
        bad.add(broken.file, broken.row, broken.reason)
    frame = content.frame
    wanted = [table.value] if table.id or not names else list(names)
    cells = time_cells(frame, table.time)
    _known(frame, [*wanted, *table.id])
    times = stamps(cells, table.time_format, table.timezone)
    values = {name: numbers(frame[name], table.decimal) for name in wanted}
    absent = {name: missing(frame[name]) for name in wanted}
    nothing = np.all(list(absent.values()), axis=0)
    usable = ~(missing(cells).to_numpy(bool) & nothing)  # an empty row, as spreadsheets append them
    _refuse(bad, frame, cells, times.isna(), usable, _time_reason(table))
    for name, found in values.items():
        wrong = found.isna() & ~absent[name]
        _refuse(bad, frame, frame[name], wrong, usable, f"column {name}: {{}} is no finite number")
    owners, order = None, list(wanted)
    if table.id:
        owners, order = _owners(id_cells(frame, table.id), names, usable)
    return Observations(
        order,
        times.to_numpy("datetime64[us]"),
        np.column_stack([values[name].to_numpy(np.float64) for name in wanted]),
        owners,
        frame[FILE].to_numpy(),
        frame[ROW].to_numpy(),
        _splits(frame),
    ).kept(usable)


def _time_reason(table: SeriesTable) -> str:
    zone = f" in {table.timezone}" if "/" in table.timezone else ""
    return (
        f"column {', '.join(table.time)}: {{}} is no time of the format {table.time_format}{zone}"
    )


def _refuse(
    bad: BadRows,
    frame: pd.DataFrame,
    cells: "pd.Series[Any]",
    wrong: "pd.Series[bool]",
    usable: Array,
    reason: str,
) -> None:
    """Note the rows that are ``wrong``, unless another column noted them before."""
    for index in np.flatnonzero(wrong.to_numpy(bool) & usable):
        shown = repr(str(cells.iloc[index]))[:60] if str(cells.iloc[index]) else "an empty cell"
        bad.add(str(frame[FILE].iloc[index]), int(frame[ROW].iloc[index]), reason.format(shown))
    usable &= ~wrong.to_numpy(bool)


def id_cells(frame: pd.DataFrame, columns: Sequence[str]) -> "pd.Series[str]":
    """Whose each row is: the cells of the columns, joined by "/"; a file's name without ending."""
    parts = [frame[column].astype(str).str.strip() for column in columns]
    if FILE in columns:
        parts = [part.str.split(".").str[0] for part in parts]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    return joined


def _owners(
    cells: "pd.Series[Any]", names: Sequence[str], usable: Array
) -> tuple[Array, list[str]]:
    """Whose each row is; rows of series that are not asked for are left out of ``usable``."""
    order = list(names) or sorted(cells[usable].unique())
    owners = pd.Categorical(cells, categories=order).codes.astype(np.int64)
    usable &= owners >= 0
    return owners, order


def _splits(frame: pd.DataFrame) -> Array:
    """By the files' names, else by a column of that name whose cells are all names of splits."""
    if (frame[SPLIT] != "").all():
        return frame[SPLIT].to_numpy(str)
    if SPLIT_COLUMN in frame:
        called = {cell: split_called(str(cell)) for cell in frame[SPLIT_COLUMN].unique()}
        if called and all(called.values()):
            return frame[SPLIT_COLUMN].map(called).to_numpy(str)
    return np.full(len(frame), "", dtype="U5")
