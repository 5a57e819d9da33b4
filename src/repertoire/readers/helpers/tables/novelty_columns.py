"""Which columns of anybody's table a detector looks at."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import ConfigError
from repertoire.data.cells import DecimalMark, decimal_mark, missing, numbers
from repertoire.data.doors import SAMPLE_BYTES, Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.tables import SPLIT, Reading, Table, ignored, read_tables, table_files
from repertoire.readers.helpers.tables import columns as tables
from repertoire.readers.helpers.tables.novelty_labels import (
    MOST_CATEGORIES,
    label_column,
    label_columns,
)

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = 0.9  # share of a column's cells that are numbers, at least
FORMS = re.compile(
    r"\d{4}-\d\d?-\d\d?|\d\d?[/.]\d\d?[/.]\d{2,4}|\d{4}[/.]\d\d?[/.]\d\d?|\d\d?:\d\d"
)
TIMES = ("timestamp", "datetime", "date", "time", "createdat", "updatedat", "eventtime")
EPOCH = 10**8  # seconds since 1970 from 1973 on


@dataclass(frozen=True)
class Chosen:
    """A sample of the table and what its columns are; ``given`` are names where no header is."""

    table: Table
    given: list[str]
    label: str
    labels: "pd.Series[Any]"  # of all rows, whatever the sample
    split: str | None
    numbers: list[str]
    categories: list[str]
    decimal: DecimalMark
    facts: list[Fact]


def chosen_columns(raw: Path, options: Mapping[str, str]) -> Chosen:
    """Looks at a sample. Raises OptionNeeded, ConfigError and SourceError."""
    files = table_files(raw)
    asked = _listed(options, "columns")
    given = asked if options.get("header") == "none" else []
    encoding, delimiter = options.get("encoding", ""), options.get("delimiter", "")
    table = read_tables(files, Reading(encoding, delimiter, given, (), SAMPLE_BYTES))
    if not len(table.frame):
        raise SourceError(f"{files[0].name}: no rows below the header")
    split = tables.split_column(table) if len(files) > 1 else _column_of_splits(table)
    if len(files) > 1 and split is None and (table.frame[SPLIT] != "").any():
        raise OptionNeeded(
            "some files are called like splits, some are not; call all of them so, or none"
        )
    whole = label_columns(files, table, Reading(encoding, delimiter, given), options)
    label = label_column(table, whole, options)
    wanted = None if given or not asked else asked
    names = [tables.named(table.columns, "columns", name) for name in wanted or table.columns]
    names = [name for name in names if name not in (label, split)]
    kinds = {name: _kind(name, table.frame[name], wanted is not None, options) for name in names}
    forced = [tables.named(table.columns, "categories", n) for n in _listed(options, "categories")]
    kinds |= dict.fromkeys(forced, "category")
    kept = [name for name in kinds if kinds[name] == "number"]
    categories = [name for name in kinds if kinds[name] == "category"]
    if not kept and not categories:
        reasons = "; ".join(f"{name}: {why}" for name, why in kinds.items())
        raise OptionNeeded(f"no column is left ({reasons}); name those that count: --columns a,b")
    decimal = _decimal(table.frame, kept, options)
    facts = [_files_fact(files, table), *ignored(raw), *_column_facts(table.frame, kinds, decimal)]
    return Chosen(
        table, given, label, tables.texts(whole[label]), split, kept, categories, decimal, facts
    )


def _files_fact(files: Sequence[Path], table: Table) -> Fact:
    sampled = f"; the first {len(table.frame):,} were looked at" if table.sampled else ""
    about = "about " if table.sampled else ""
    return Fact(
        "files",
        f"{', '.join(file.name for file in files)}: {', '.join(table.formats)}, "
        f"{about}{table.rows:,} rows of {len(table.columns)} columns{sampled}",
    )


def _listed(options: Mapping[str, str], option: str) -> list[str]:
    return [name.strip() for name in options.get(option, "").split(",") if name.strip()]


def _column_of_splits(table: Table) -> str | None:
    found = tables.split_column(table)
    return None if found == SPLIT else found


def _kind(name: str, cells: "pd.Series[Any]", asked: bool, options: Mapping[str, str]) -> str:
    """ "number", "category", or why a column is left out; what was asked for is not."""
    lacks = missing(cells)
    known = cells[~lacks]
    if not len(known):
        return "always empty"
    distinct = known.nunique()
    if distinct == 1 and not lacks.any():
        return "always the same"
    if known.dtype.kind == "b":
        return "category"
    if known.dtype.kind == "M" or (_is_time(name, known) and not asked):
        return "a time"
    if _is_number(known, options):
        values = numbers(known, ".") if known.dtype.kind in "iuf" else None
        if not asked and distinct == len(cells) and _is_identifier(name, values, known):
            return "an identifier"
        return "number"
    if distinct > MOST_CATEGORIES and not asked:
        kind = "an identifier" if distinct > 0.9 * len(known) else "texts"
        return f"{kind} ({distinct:,} different values)"
    return "category"


def _is_number(cells: "pd.Series[Any]", options: Mapping[str, str]) -> bool:
    if cells.dtype.kind in "iuf":
        return True
    marks: list[DecimalMark] = [",", "."]
    if options.get("decimal") in marks:
        marks = [m for m in marks if m == options["decimal"]]
    some = cells.head(2000).astype(str)
    # A number beyond all bounds is one, of a row that cannot be used.
    some = some[~some.str.strip().str.lower().str.fullmatch(r"[+-]?inf(inity)?")]
    return max(float(numbers(some, mark).notna().mean()) for mark in marks) >= NUMERIC


def _is_identifier(name: str, values: "pd.Series[float] | None", cells: "pd.Series[Any]") -> bool:
    """Numbers that are called so, or count rows."""
    called = bool(re.search(r"(^|[_\s])(id|uuid|key|index|idx|no|nr|number)$", name.lower()))
    called |= bool(re.search(r"[a-z]I[dD]$", name)) or name.strip() in ("", "Unnamed: 0")
    found = numbers(cells, ".") if values is None else values
    whole = bool(found.notna().all() and (found % 1 == 0).all())
    steps = np.diff(found.to_numpy())
    return whole and (called or bool(len(steps) and (steps == 1).all()))


def _is_time(name: str, cells: "pd.Series[Any]") -> bool:
    if cells.dtype.kind in "iuf":
        return tables.plain(name) in TIMES and bool((cells > EPOCH).all())
    some = cells.head(200).astype(str).str.strip()
    if bool(some.str.match(FORMS).mean() > NUMERIC):
        return True
    if tables.plain(name) in TIMES:
        return bool((numbers(some, ".") > EPOCH).all())
    return False


def _decimal(
    frame: "pd.DataFrame", names: Sequence[str], options: Mapping[str, str]
) -> DecimalMark:
    """The mark of the whole table: "," where any column says so."""
    given = options.get("decimal")
    if given is not None:
        if given not in (".", ","):
            raise ConfigError(f'--decimal {given}: it is "." or ","')
        return "," if given == "," else "."
    unsure: OptionNeeded | None = None
    for name in names:
        if frame[name].dtype.kind in "iuf":
            continue
        try:
            mark = decimal_mark(name, frame[name])
        except OptionNeeded as error:
            unsure = error
            continue
        cells = frame[name].astype(str)
        if mark == ",":
            return ","
        if cells.str.contains(r"\.", regex=True).any():
            return "."
    if unsure:
        raise unsure
    return "."


def _column_facts(
    frame: "pd.DataFrame", kinds: Mapping[str, str], decimal: DecimalMark
) -> list[Fact]:
    kept = [name for name, kind in kinds.items() if kind == "number"]
    facts = []
    if kept:
        mark = " (decimal comma)" if decimal == "," else ""
        facts.append(Fact("numbers", f"{len(kept)} columns, standardised{mark}: {_short(kept)}"))
    categories = [
        f"{name} ({frame[name].nunique():,} values)"
        for name, kind in kinds.items()
        if kind == "category"
    ]
    if categories:
        facts.append(Fact("categories", f"one value each: {_short(categories)}"))
    left = [f"{n}: {why}" for n, why in kinds.items() if why not in ("number", "category")]
    if left:
        facts.append(
            Fact("columns", f"left out ({_short(left, '; ')}); to choose yourself: --columns a,b")
        )
    lacks = {name: float(missing(frame[name]).mean()) for name in kept}
    empty = [f"{name} ({100 * share:.2g} %)" for name, share in lacks.items() if share]
    if empty:
        facts.append(
            Fact(
                "empty cells",
                f"{_short(empty)}: the median stands for them, and a value of its own tells so",
            )
        )
    return facts


def _short(names: Sequence[str], mark: str = ", ") -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return mark.join(names[:12]) + more
