"""Where somebody's pairs are: columns of a table, tabs without a header, two aligned files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from repertoire.config import ConfigError
from repertoire.data.doors import OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.table_formats import Reading
from repertoire.data.tables import FILE, ROW
from repertoire.readers.helpers.texts.document_columns import (
    COLUMN,
    could_be_text,
    splits_of,
    tables_of,
)
from repertoire.readers.helpers.texts.documents import (
    OPENERS,
    Document,
    TextFile,
    about_files,
    files_below,
    is_table,
    of_splits,
    other_format,
    read_document,
    read_documents,
)
from repertoire.readers.helpers.texts.pair_names import LANGUAGES, SOURCES, TARGETS, Asked, told

Layout = Literal["table", "tabs", "aligned"]
WIDTHS = {2: ["source", "target"], 3: ["source", "target", "attribution"]}
TATOEBA = ["source_id", "source", "target_id", "target"]
SEEN = 2**16  # bytes by which the form of a file is told


@dataclass(frozen=True)
class Place:
    """How the files are laid out, what becomes source and target, and files that are no part.

    ``columns`` names those of files without a header.
    """

    layout: Layout
    source: str
    target: str
    columns: tuple[str, ...]
    left: tuple[str, ...]


@dataclass
class Pairs:
    """``frame``: file, row, split ("" where none is told), source, target, as written.

    ``rows`` is how many the files hold, estimated where ``sampled``.
    """

    frame: pd.DataFrame
    bad: list[tuple[str, int, str]]
    formats: list[str]
    rows: int
    sampled: bool


def place_of(raw: Path, options: Mapping[str, str]) -> Place:
    """Tells the layout. Raises OptionNeeded, ConfigError, SourceError."""
    asked = (options.get("source"), options.get("target"))
    files = files_below(raw)
    others = {
        file.name: why for file in files if not is_table(file) and (why := other_format(file))
    }
    usable = [file for file in files if file.name not in others and file.size]
    beside = (*about_files(raw), *others)
    forms = {file.name: _form(file, asked) for file in usable}
    tables = [file for file in usable if forms[file.name] == "table"]
    tabs = [file for file in usable if forms[file.name] == "tabs"]
    plain = [file for file in usable if forms[file.name] == "lines"]
    if tables:
        tables, unnamed = of_splits(tables)
        left = (*beside, *unnamed, *(file.name for file in (*tabs, *plain)))
        return Place("table", *_named_columns(tables, asked), (), left)
    if tabs:
        tabs, unnamed = of_splits(tabs)
        names = tuple(_names_of_tabs(tabs[0]))
        source, target = asked[0] or "source", asked[1] or "target"
        for name in (source, target):
            if name not in names:
                raise ConfigError(f"no column {name!r}; without a header there are: {names}")
        return Place(
            "tabs", source, target, names, (*beside, *unnamed, *(file.name for file in plain))
        )
    if not plain and others:
        name, why = next(iter(others.items()))
        raise SourceError(f"{name}: {why}")
    plain, unnamed = of_splits(plain)
    return Place("aligned", *_roles(plain, asked), (), (*beside, *unnamed))


def _form(file: TextFile, asked: Asked) -> str:
    """table, tabs (columns without a header) or lines."""
    if is_table(file) and not file.name.lower().endswith(".tsv"):
        return "table"
    lines = read_document(file, SEEN, "").lines[:200]
    cells = [line.split("\t") for line in lines if line.strip()]
    if not cells:
        return "lines"
    width = len(cells[0])
    if width < 2 or sum(len(row) == width for row in cells) < 0.9 * len(cells):
        return "table" if is_table(file) else "lines"
    return "table" if _is_header(cells, asked) else "tabs"


def _is_header(cells: Sequence[Sequence[str]], asked: Asked) -> bool:
    """Whether the first row names columns: by known names, or by short names over long texts."""
    first = [cell.strip().lower() for cell in cells[0]]
    if set(first) & {name.lower() for name in asked if name}:
        return True
    if set(first) & {*SOURCES, *TARGETS, *LANGUAGES, COLUMN}:
        return True
    names = all(re.fullmatch(r"[^\W\d]\w{0,30}", cell) for cell in first)
    rest = [len(cell) for row in cells[1:] for cell in row]
    return names and bool(rest) and sum(rest) / len(rest) > 3 * max(map(len, first))


def _names_of_tabs(file: TextFile) -> list[str]:
    cells = read_document(file, SEEN, "").lines[0].split("\t")
    if len(cells) == 4 and cells[0].isdecimal() and cells[2].isdecimal():
        return TATOEBA
    more = [f"column_{place}" for place in range(3, len(cells) + 1)]
    return WIDTHS.get(len(cells), [*WIDTHS[2], *more])


def _named_columns(tables: Sequence[TextFile], asked: Asked) -> tuple[str, str]:
    first = next(file for file in tables if file.split in ("", "train"))
    table = tables_of([first], Reading(limit=SEEN))
    frame = with_translations(table.frame)
    names = [name for name in frame.columns if not name.startswith("_")]
    for name in asked:
        if name and name not in names:
            raise ConfigError(f"no column {name!r}; there are: {', '.join(names)}")
    texts = [name for name in names if name != COLUMN and could_be_text(frame[name])]
    source, target = told(names, texts, asked)
    return source, target


def with_translations(frame: pd.DataFrame) -> pd.DataFrame:
    """A column of objects, as {"en": …, "fr": …}, as a column for each of their keys."""
    for name in list(frame.columns):
        cells = frame[name].dropna()
        if len(cells) and isinstance(cells.iloc[0], dict):
            keys = list(cells.iloc[0])
            wide = {key: [cell.get(key) if cell else None for cell in frame[name]] for key in keys}
            frame = pd.concat([frame.drop(columns=name), pd.DataFrame(wide)], axis=1)
    return frame


def side_of(file: TextFile, at_end: bool) -> tuple[str, str]:
    """What two aligned files have in common, and the side: ``train`` and ``en`` of train.en."""
    name = file.name
    for ending in (*OPENERS, ".txt", ".tok"):
        name = name.removesuffix(ending)
    parts = re.split(r"([./_-])", name)
    side, rest = (parts[-1], parts[:-2]) if at_end else (parts[0], parts[2:])
    return "".join(rest), side


def aligned(files: Sequence[TextFile]) -> tuple[list[str], list[tuple[TextFile, TextFile]]]:
    """The names of the two sides, and the files of each couple. Raises SourceError."""
    for at_end in (True, False):
        couples: dict[str, dict[str, TextFile]] = {}
        for file in files:
            stem, side = side_of(file, at_end)
            couples.setdefault(stem, {})[side] = file
        sides = sorted({side for couple in couples.values() for side in couple})
        if len(sides) == 2 and all(len(couple) == 2 for couple in couples.values()):
            return sides, [(couple[sides[0]], couple[sides[1]]) for couple in couples.values()]
    listed = ", ".join(file.name for file in files[:6]) or "none"
    raise SourceError(
        f"no pairs in: {listed}; give a table with two columns of texts, lines with a tab between "
        "source and target, or two files of equal lines such as corpus.en and corpus.de"
    )


def _roles(files: Sequence[TextFile], asked: Asked) -> tuple[str, str]:
    sides, _ = aligned(files)
    for name in asked:
        if name and name not in sides:
            raise ConfigError(f"no side {name!r}; there are: {' and '.join(sides)}")
    lower = [side.lower() for side in sides]
    if not any(asked) and not (set(lower) & set(SOURCES) and set(lower) & set(TARGETS)):
        raise OptionNeeded(
            f"which side is the source: {' or '.join(sides)}; say, for example: "
            f"--source {sides[0]} --target {sides[1]}"
        )
    return told(sides, sides, asked)


def read_pairs(raw: Path, place: Place, encoding: str, most_bytes: int) -> Pairs:
    """Every pair, or those at the beginning of files that have more than ``most_bytes``."""
    files = [file for file in files_below(raw) if file.size and file.name not in place.left]
    if place.layout == "table":
        return _of_tables(files, place, encoding, most_bytes)
    total = sum(file.size for file in files)
    if place.layout == "tabs":
        found = [_of_tabs(d, place) for d in read_documents(files, most_bytes, encoding)]
    else:
        sides, couples = aligned(files)
        flip = sides[0] != place.source
        found = [_of_couple(couple, flip, encoding, most_bytes / total) for couple in couples]
    frame = pd.concat([part.frame for part in found], ignore_index=True)
    bad = [row for part in found for row in part.bad]
    sampled = total > most_bytes
    rows = len(frame) + len(bad)
    return Pairs(
        frame,
        bad,
        list(dict.fromkeys(words for part in found for words in part.formats)),
        round(rows * total / most_bytes) if sampled else rows,
        sampled,
    )


def _of_tables(files: Sequence[TextFile], place: Place, encoding: str, most_bytes: int) -> Pairs:
    table = tables_of(files, Reading(encoding=encoding, limit=most_bytes))
    table.frame = with_translations(table.frame)
    for name in (place.source, place.target):
        if name not in table.frame:
            raise ConfigError(f"no column {name!r}; there are: {', '.join(table.columns)}")
    frame = pd.DataFrame(
        {
            "file": table.frame[FILE],
            "row": table.frame[ROW],
            "split": splits_of(table),
            "source": table.frame[place.source],
            "target": table.frame[place.target],
        }
    )
    bad = [(each.file, each.row, each.reason) for each in table.bad]
    return Pairs(frame, bad, table.formats, table.rows, table.sampled)


def _of_tabs(document: Document, place: Place) -> Pairs:
    width, rows, bad = len(place.columns), [], []
    at = [place.columns.index(name) for name in (place.source, place.target)]
    for number, line in enumerate(document.lines, 1):
        cells = line.split("\t")
        if len(cells) == width:
            rows.append((document.name, number, document.split, cells[at[0]], cells[at[1]]))
        elif line.strip():
            reason = f"{len(cells)} cells where there are {width} columns"
            bad.append((document.name, number, reason))
    return _pairs(rows, bad, document)


def _of_couple(couple: tuple[TextFile, TextFile], flip: bool, encoding: str, share: float) -> Pairs:
    files = couple[::-1] if flip else couple
    limits = [None if share >= 1 else max(1, int(file.size * share)) for file in files]
    source, target = (
        read_document(file, limit, encoding) for file, limit in zip(files, limits, strict=True)
    )
    if source.whole and target.whole and len(source.lines) != len(target.lines):
        raise SourceError(
            f"{source.name} has {len(source.lines):,} lines and {target.name} has "
            f"{len(target.lines):,}; line by line they must be translations of each other"
        )
    both = zip(source.lines, target.lines, strict=False)
    rows = [(source.name, n, source.split, s, t) for n, (s, t) in enumerate(both, 1)]
    return _pairs(rows, [], source)


def _pairs(
    rows: list[tuple[str, int, str, str, str]], bad: list[tuple[str, int, str]], document: Document
) -> Pairs:
    from repertoire.data.encodings import encoding_words

    frame = pd.DataFrame(rows, columns=["file", "row", "split", "source", "target"])
    return Pairs(frame, bad, [encoding_words(document.encoding)], 0, not document.whole)
