"""Columns of anybody's tables: found by name, named by options, and their cells as texts."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repertoire.config import ConfigError
from repertoire.data.cells import missing
from repertoire.data.doors import BadRowRule, BadRows, OptionNeeded
from repertoire.data.tables import FILE, ROW, SPLIT, Table

if TYPE_CHECKING:
    import pandas as pd


def plain(name: str) -> str:
    """A column's name for comparison: letters and digits in lower case, without RecBole's type."""
    bare = name.rsplit(":", 1)[0] if re.search(r":(token|float)(_seq)?$", name) else name
    return re.sub(r"[\W_]+", "", bare.lower())


def named(columns: Sequence[str], option: str, given: str) -> str:
    """The column that an option names, whatever its case. Raises ConfigError."""
    if given in columns:
        return given
    alike = [column for column in columns if plain(column) == plain(given)]
    if len(alike) == 1:
        return alike[0]
    known = ", ".join(columns)
    raise ConfigError(f"--{option} {given}: there is no such column; there are: {known}")


def called(columns: Sequence[str], names: Sequence[str], option: str) -> str | None:
    """The column with the first of ``names`` that any has. Raises OptionNeeded for two of them."""
    for name in names:
        alike = [column for column in columns if plain(column) == name]
        if len(alike) > 1:
            raise OptionNeeded(f"{' and '.join(alike)} are called alike; say which: --{option} …")
        if alike:
            return alike[0]
    return None


def texts(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Cells as texts without spaces around; missing ones are "" and 12.0 is "12"."""
    import pandas as pd

    # Each distinct cell once: users and items come again and again.
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    known = pd.Series(distinct, dtype=cells.dtype)
    if known.dtype.kind == "f" and known.dropna().mod(1).eq(0).all():
        known = known.astype("Int64")
    found = known.astype(object).where(known.notna(), "").map(str).astype(object).str.strip()
    return found.where(~missing(found), "").take(codes).set_axis(cells.index)


def as_plain(value: Any) -> Any:
    """A dataclass as params.yaml holds it: mappings and lists."""
    if dataclasses.is_dataclass(value):
        return {f.name: as_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return [as_plain(each) for each in value] if isinstance(value, tuple) else value


def whole_number(options: Mapping[str, str], name: str, default: int) -> int:
    """An option that is a whole number of at least 1. Raises ConfigError."""
    given = options.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise ConfigError(f"--{name} {given}: give a whole number of at least 1")
    return int(given)


def split_column(table: Table) -> str | None:
    """The column that tells the split of a row, where the names of files do not."""
    if (table.frame[SPLIT] != "").all():
        return SPLIT
    return next((column for column in table.columns if plain(column) == "split"), None)


def add_rows(bad: BadRows, table: Table, wrong: "pd.Series[bool]", reason: str) -> None:
    """Note the rows of a table that are ``wrong``."""
    for file, row in table.frame.loc[wrong, [FILE, ROW]].itertuples(index=False):
        bad.add(str(file), int(row), reason)


def add_ragged(bad: BadRows, table: Table) -> None:
    """Note the rows that have too many or too few cells."""
    for row in table.bad:
        bad.add(row.file, row.row, row.reason)


def collected() -> BadRows:
    """A counter of all bad rows: a proposal names the first and says how many more there are."""
    return BadRows(BadRowRule("drop", 1.0))
