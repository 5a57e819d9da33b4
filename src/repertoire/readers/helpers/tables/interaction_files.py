"""Files of interactions and of titles: which columns they have, and their rows."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.data.cells import DecimalMark, numbers
from repertoire.data.doors import BadRows
from repertoire.data.splits import split_called
from repertoire.data.tables import SPLIT, Reading, Table, read_tables
from repertoire.readers.helpers.tables import columns as tables

if TYPE_CHECKING:
    import pandas as pd

DOUBLE = "::"  # what MovieLens puts between cells; Arrow takes one byte alone


@dataclass(frozen=True)
class Layout:
    """Files and their columns. Empty ``encoding`` and ``delimiter`` are told by the file.

    ``columns`` names those of files without a header. None is a column that there is not;
    ``split`` may be ``_split``, the names of the files.
    """

    files: tuple[str, ...]
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    user: str
    item: str
    rating: str | None
    time: str | None
    title: str | None
    split: str | None
    decimal: DecimalMark


@dataclass(frozen=True)
class Titles:
    """A second file, with the names of items."""

    file: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    item: str
    title: str


@dataclass
class Interactions:
    """``frame``: user and item (categories), rating, time (both float) and own split, a row each.

    In order of time, and each pair of user and item once.
    """

    frame: "pd.DataFrame"
    titles: dict[str, str]
    repeated: int
    rows: int
    sampled: bool
    formats: list[str] = field(default_factory=list)


def read_interactions(
    layout: Layout, raw: Path, bad: BadRows, limit: int | None = None
) -> Interactions:
    """All interactions, or those of the first ``limit`` bytes of each file."""
    import pandas as pd

    columns = (layout.user, layout.item, layout.rating, layout.time, layout.title, layout.split)
    include = tuple(dict.fromkeys(name for name in columns if name and name != SPLIT))
    reading = Reading(layout.encoding, layout.delimiter, layout.columns, include, limit)
    table = read_whole([raw / name for name in layout.files], reading)
    tables.add_ragged(bad, table)
    frame = table.frame
    users, items = (tables.texts(frame[name]) for name in (layout.user, layout.item))
    usable = pd.Series(True, frame.index)
    for what, cells in (("user", users), ("item", items)):
        tables.add_rows(bad, table, usable & (cells == ""), f"no {what}")
        usable &= cells != ""
    found = pd.DataFrame({"user": users, "item": items, "rating": 1.0, "time": 0.0, "own": ""})
    for name, column in (("rating", layout.rating), ("time", layout.time)):
        if column is not None:
            cells = frame[column]
            found[name] = numbers(cells, layout.decimal) if name == "rating" else _times(cells)
            wrong = usable & found[name].isna()
            tables.add_rows(bad, table, wrong, f"{column} is not a {name}")
            usable &= ~wrong
    if layout.split is not None:
        found["own"] = frame[layout.split].map(lambda cell: split_called(str(cell)) or "")
        wrong = usable & (found["own"] == "")
        tables.add_rows(bad, table, wrong, f"{layout.split} names no split")
        usable &= ~wrong
    titles = _title_map(items[usable], frame.loc[usable, layout.title]) if layout.title else {}
    found = found[usable].sort_values("time", kind="stable")
    once = found.drop_duplicates(["user", "item"], keep="last").reset_index(drop=True)
    for name in ("user", "item"):
        once[name] = _categories(once[name])
    repeated = len(found) - len(once)
    return Interactions(once, titles, repeated, table.rows, table.sampled, table.formats)


def read_titles(titles: Titles, raw: Path) -> dict[str, str]:
    """Item -> its name, by the second file."""
    reading = Reading(titles.encoding, titles.delimiter, titles.columns)
    frame = read_whole([raw / titles.file], reading).frame
    return _title_map(tables.texts(frame[titles.item]), frame[titles.title])


def _title_map(items: "pd.Series[Any]", cells: "pd.Series[Any]") -> dict[str, str]:
    """The first name of each item, in one line."""
    names = tables.texts(cells)
    firsts = items.drop_duplicates()
    known = names[firsts.index].map(lambda name: " ".join(name.split()))
    return {item: name for item, name in zip(firsts, known, strict=True) if item and name}


def _categories(cells: "pd.Series[Any]") -> Any:
    """Names in order: of numbers by value, of anything else as texts."""
    import pandas as pd

    distinct = cells.unique()
    whole = all(re.fullmatch(r"0|[1-9]\d{0,17}", name) for name in distinct)
    if whole:
        return pd.Categorical(cells.astype(np.int64))
    return pd.Categorical(cells, categories=sorted(distinct))


def _times(cells: "pd.Series[Any]") -> "pd.Series[float]":
    """Seconds, or whatever numbers there are; NaN where a cell is no time."""
    import pandas as pd

    found = numbers(cells, ".") if cells.dtype.kind != "M" else pd.Series(np.nan, cells.index)
    if found.notna().sum() * 2 > len(cells):
        return found
    stamps = pd.to_datetime(cells, errors="coerce", utc=True, format="mixed")
    seconds = (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds.astype(np.float64)


def read_whole(paths: Sequence[Path], reading: Reading) -> Table:
    """Files of equal columns; "::" between cells is read as well."""
    if reading.delimiter != DOUBLE:
        return read_tables(paths, reading)
    with _with_tabs(paths, reading.limit) as copies:
        return read_tables(copies, replace(reading, delimiter="\t"))


@contextmanager
def _with_tabs(paths: Sequence[Path], limit: int | None) -> Iterator[list[Path]]:
    """Copies of files with a tab for each "::", up to the last whole row of the limit."""
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for path in paths:
            with path.open("rb") as file:
                content = file.read() if limit is None else file.read(limit)
            if limit is not None and len(content) == limit:
                content = content[: content.rfind(b"\n") + 1]
            copies.append(Path(folder, path.name))
            copies[-1].write_bytes(content.replace(DOUBLE.encode(), b"\t"))
        yield copies
