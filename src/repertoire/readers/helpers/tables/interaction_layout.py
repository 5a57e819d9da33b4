"""Which files and columns of somebody's are interactions, and which are names of items."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repertoire.data.cells import DecimalMark, decimal_mark
from repertoire.data.doors import Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import splits_of_files
from repertoire.data.tables import SPLIT, Reading, Table, ignored, table_files
from repertoire.readers.helpers.tables import columns as tables
from repertoire.readers.helpers.tables.interaction_files import DOUBLE, Layout, Titles, read_whole

USERS = (
    *("userid", "user", "uid", "customerid", "customer", "memberid", "visitorid", "accountid"),
    *("reviewerid", "userno", "username", "usernumber"),
)
ITEMS = (
    *("itemid", "item", "iid", "productid", "movieid", "bookid", "isbn", "asin", "parentasin"),
    *("trackid", "songid", "artistid", "businessid", "articleid", "stockcode", "sku", "gameid"),
    *("animeid", "recipeid", "courseid", "product", "movie", "book", "song", "artist", "itemno"),
)
RATINGS = (
    *("rating", "ratings", "score", "stars", "overall", "bookrating", "starrating", "weight"),
    *("plays", "playcount", "like", "liked"),
)
TIMES = ("timestamp", "time", "datetime", "date", "unixreviewtime", "ts", "createdat", "eventtime")
TITLES = (
    *("title", "movietitle", "booktitle", "itemtitle", "producttitle", "itemname", "productname"),
    *("artistname", "trackname", "songtitle", "itemdescription", "moviename"),
)
NAMES = (*TITLES, "name")  # which beside a user could be the user's
PEEK = 2**16  # bytes of a file by which its columns are told


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
        table = read_whole([path], Reading(encoding, delimiter, given, (), PEEK))
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
    return layout, titles, [*known, *ignored(raw)]


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
    own = [bool(split) for split in splits_of_files([Path(p.name) for p in chosen])]
    if len(chosen) > 1 and any(own) and not all(own):
        unlike = chosen[own.index(False)].name
        raise OptionNeeded(
            f"{unlike}: called like no split, while others are; rename it, or name the file with "
            "all interactions: --interactions FILE"
        )
    if all(own):
        return SPLIT if len(chosen) > 1 else None  # one file is not divided, whatever its name
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
