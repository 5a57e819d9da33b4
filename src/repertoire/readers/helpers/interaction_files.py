"""Files of interactions and of titles: which columns they have, and their rows."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.data.cells import DecimalMark, decimal_mark, numbers
from repertoire.data.doors import BadRows, Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.tables import SPLIT, Reading, Table, read_tables, table_files
from repertoire.readers.helpers import table_columns as tables

if TYPE_CHECKING:
    import pandas as pd

USERS = (
    *("userid", "user", "uid", "customerid", "customer", "memberid", "visitorid", "accountid"),
    *("reviewerid", "userno", "username", "usernumber"),
)
ITEMS = (
    *("itemid", "item", "iid", "productid", "movieid", "bookid", "isbn", "asin", "parentasin"),
    *("trackid", "songid", "artistid", "businessid", "articleid", "stockcode", "sku", "gameid"),
    *("animeid", "recipeid", "courseid", "product", "movie", "book", "song", "artist", "itemno"),
)
RATINGS: tuple[str, ...] = (
    "rating",
    "ratings",
    "score",
    "stars",
    "overall",
    "bookrating",
    "starrating",
    "weight",
)
RATINGS += ("plays", "playcount", "like", "liked")
TIMES = ("timestamp", "time", "datetime", "date", "unixreviewtime", "ts", "createdat", "eventtime")
TITLES: tuple[str, ...] = (
    "title",
    "movietitle",
    "booktitle",
    "itemtitle",
    "producttitle",
    "itemname",
)
TITLES += ("productname", "artistname", "trackname", "songtitle", "itemdescription", "moviename")
NAMES = (*TITLES, "name")  # which beside a user could be the user's
PEEK = 2**16  # bytes of a file by which its columns are told
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
    table = _read([raw / name for name in layout.files], reading)
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
    frame = _read([raw / titles.file], reading).frame
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


def _read(paths: Sequence[Path], reading: Reading) -> Table:
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


@dataclass(frozen=True)
class Peeked:
    """A file's columns and first rows; ``columns`` are given where it has no header."""

    name: str
    encoding: str
    delimiter: str
    given: tuple[str, ...]
    table: Table

    @property
    def columns(self) -> list[str]:
        return self.table.columns


def _peek(raw: Path, path: Path, options: Mapping[str, str], names: str) -> Peeked | None:
    """The beginning of a file; None for one that is no table."""
    with path.open("rb") as file:
        double = DOUBLE.encode() in file.readline(PEEK)
    delimiter = options.get("delimiter", DOUBLE if double else "").replace("\\t", "\t")
    encoding = options.get("encoding", "")
    given = tuple(name.strip() for name in options.get(names, "").split(",") if name.strip())
    try:
        table = _read([path], Reading(encoding, delimiter, given, (), PEEK))
    except SourceError:
        return None
    return Peeked(str(path.relative_to(raw)), encoding, delimiter, given, table)


def found_layout(raw: Path, options: Mapping[str, str]) -> tuple[Layout, Titles | None, list[Fact]]:
    """The files and columns of interactions and titles. Raises OptionNeeded and ConfigError."""
    paths = table_files(raw)
    other = options.get("items")
    wanted = options.get("interactions")
    first = [p for p in paths if _is(raw, p, wanted)] if wanted else paths
    if wanted and not first:
        there = ", ".join(str(p.relative_to(raw)) for p in paths)
        raise OptionNeeded(f"--interactions {wanted}: there is no such file; there are: {there}")
    peeked = [_peek(raw, p, options, "columns") for p in first if not _is(raw, p, other)]
    layout, known = _layout([each for each in peeked if each], options)
    rest = [p for p in paths if str(p.relative_to(raw)) not in layout.files]
    titles = None if layout.title else _titles(raw, rest, options, layout)
    read = {*layout.files, *([titles.file] if titles else [])}
    unread = [str(p.relative_to(raw)) for p in paths if str(p.relative_to(raw)) not in read]
    if unread:
        known += [Fact("not read", f"{', '.join(unread)}: neither interactions nor titles")]
    return layout, titles, known


def _is(raw: Path, path: Path, name: str | None) -> bool:
    return name is not None and name in (path.name, str(path.relative_to(raw)))


def _layout(peeked: Sequence[Peeked], options: Mapping[str, str]) -> tuple[Layout, list[Fact]]:
    """Those files that have a user and an item; of unequal ones those with ratings."""
    complete = [p for p in peeked if _column(p, "user", USERS, options)]
    complete = [p for p in complete if _column(p, "item", ITEMS, options)]
    if not complete:
        raise _no_columns(peeked)
    rated = [p for p in complete if _column(p, "rating", RATINGS, options)]
    chosen = rated or complete
    first = chosen[0]
    if unlike := next((p for p in chosen if set(p.columns) != set(first.columns)), None):
        raise OptionNeeded(
            f"both {first.name} and {unlike.name} could be the interactions; say which: "
            f"--interactions {first.name}"
        )
    split = _split(chosen)
    rating = _column(first, "rating", RATINGS, options)
    layout = Layout(
        files=tuple(p.name for p in chosen),
        encoding=first.encoding,
        delimiter=first.delimiter,
        columns=first.given,
        user=_column(first, "user", USERS, options) or "",
        item=_column(first, "item", ITEMS, options) or "",
        rating=rating,
        time=_column(first, "time", TIMES, options),
        title=_column(first, "item-title", TITLES, options),
        split=split,
        decimal=_decimal(first, rating),
    )
    return layout, _columns_fact(layout)


def _split(chosen: Sequence[Peeked]) -> str | None:
    """What tells the split of an interaction: the names of all files, or a column."""
    own = [bool(p.table.frame[SPLIT].ne("").all()) for p in chosen]
    if len(chosen) > 1 and any(own) and not all(own):
        unlike = chosen[own.index(False)].name
        raise OptionNeeded(
            f"{unlike}: called like no split, while others are; rename it, or name the file with "
            "all interactions: --interactions FILE"
        )
    if len(chosen) == 1 and own[0]:
        return None  # one file is not divided, whatever it is called
    return tables.split_column(chosen[0].table)


def _decimal(peeked: Peeked, rating: str | None) -> DecimalMark:
    cells = peeked.table.frame[rating] if rating else None
    if cells is None or cells.dtype.kind in "iuf":
        return "."
    return decimal_mark(str(rating), cells)


def _columns_fact(layout: Layout) -> list[Fact]:
    parts = [f"user {layout.user}", f"item {layout.item}"]
    parts += [f"rating {layout.rating}" if layout.rating else "no rating: every row is a like"]
    parts += [f"time {layout.time}" if layout.time else "no time: likes in random order"]
    parts += [f"title {layout.title}"] if layout.title else []
    return [Fact("columns", "; ".join(parts))]


def _column(
    peeked: Peeked, option: str, names: Sequence[str], options: Mapping[str, str]
) -> str | None:
    given = options.get(option)
    if given == "none" and option in ("rating", "time", "item-title"):
        return None
    if (
        given
        and option == "item-title"
        and tables.plain(given) not in map(tables.plain, peeked.columns)
    ):
        return None  # it is a column of the file with the items
    if given:
        return tables.named(peeked.columns, option, given)
    return tables.called(peeked.columns, names, option)


def _no_columns(peeked: Sequence[Peeked]) -> Exception:
    if not peeked:
        return SourceError("no file can be read as a table of user and item")
    first = peeked[0]
    if not first.given and all(re.fullmatch(r"[\d.]+", cell) for cell in first.columns):
        return OptionNeeded(
            f"{first.name}: the first row ({', '.join(first.columns)}) looks like no header; name "
            "the columns: --columns user,item,rating,timestamp"
        )
    return OptionNeeded(
        f"{first.name}: no two columns are called like a user and an item "
        f"({', '.join(first.columns)}); say which: --user NAME --item NAME"
    )


def _titles(
    raw: Path, paths: Sequence[Path], options: Mapping[str, str], layout: Layout
) -> Titles | None:
    """The first other file that has an item and a title."""
    wanted = options.get("items")
    item_names = [tables.plain(layout.item), *ITEMS]
    for path in paths:
        if wanted and not _is(raw, path, wanted):
            continue
        found = _peek(raw, path, options, "item-columns")
        if found is None:
            continue
        item = tables.called(found.columns, item_names, "item")
        given = options.get("item-title")
        title = (
            tables.named(found.columns, "item-title", given)
            if given and given != "none"
            else tables.called(found.columns, NAMES, "item-title")
        )
        if item and title and given != "none":
            place = (found.name, found.encoding, found.delimiter, found.given)
            return Titles(*place, item=item, title=title)
    if wanted:
        raise OptionNeeded(
            f"--items {wanted}: no such file with an item and a title; say which columns: "
            "--item-title NAME, or without a header --item-columns item,title"
        )
    return None
