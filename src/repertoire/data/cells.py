"""Numbers as people write them into tables: "1,234.5", "1.234,5", "1 234", "−3", "12 %", "".

A column follows one convention: ``decimal_mark`` finds it, ``numbers`` reads by it.
"""

import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from repertoire.contract import Array
from repertoire.data.doors import OptionNeeded
from repertoire.data.strings import changed, in_arrow
from repertoire.runtime.cells import GROUP, MISSING, PATTERNS, bare, value

if TYPE_CHECKING:
    import pandas as pd

DecimalMark = Literal[".", ","]

_PLAIN = r"\A[-+0-9.,eE]+\z"  # bare numbers, on which all regular expressions agree
_DIGITS = r"\A-?[0-9]+(?:\.[0-9]+)?\z"


def missing(cells: "pd.Series[str]") -> "pd.Series[bool]":
    """Which cells hold no value: empty, "NA", "NaN", "-", … (any case)."""
    if not in_arrow(cells):
        return cells.isna() | cells.fillna("").astype(str).str.strip().str.lower().isin(MISSING)
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pc.utf8_lower(pc.utf8_trim_whitespace(pa.array(cells)))
    known = pc.is_in(pc.fill_null(words, ""), pa.array(sorted(MISSING), pa.large_string()))
    return pd.Series(known.to_numpy(zero_copy_only=False), cells.index)


def are_plain(cells: "pd.Series[str]") -> Array:
    """Which cells of a column in Arrow's memory are numbers of digits and a decimal point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.match_substring_regex(pa.array(cells), _DIGITS)
    return pc.fill_null(found, False).to_numpy(zero_copy_only=False)


def decimal_mark(column: str, cells: "pd.Series[str]", option: str = "decimal") -> DecimalMark:
    """The decimal mark with which the cells are numbers: "." unless "," reads more of them.

    Raises OptionNeeded where both read all that have a mark, as of "1,234" and "2,345".
    """
    if in_arrow(cells) and missing(cells[~are_plain(cells)]).all():
        return "."  # numbers of digits and points: no comma says otherwise
    known = _bare(cells[~missing(cells)].drop_duplicates())
    marked = known[known.str.contains("[.,]", regex=True)]
    fits = {mark: _fits(marked, pattern) for mark, pattern in PATTERNS.items()}
    if fits["."].sum() != fits[","].sum() or marked.empty:
        return "," if fits[","].sum() > fits["."].sum() else "."
    both = marked[fits["."] & fits[","]]
    if not both.str.contains(",", regex=False).any():
        return "."  # a point alone is a decimal point everywhere
    longest = known[~known.str.contains("[.,]", regex=True)].str.count(r"\d").max()
    if len(marked) < len(known) and longest <= 3:
        return "."  # numbers below 1,000 have no comma, those above have: it groups thousands
    example = both.iloc[0]
    raise OptionNeeded(
        f"column {column}: {example!r} could be {value(example, '.'):g} or "
        f"{value(example, ','):g}; say which mark is the decimal one: "
        f'--{option} "." or --{option} ","'
    )


def numbers(cells: "pd.Series[str]", decimal: DecimalMark) -> "pd.Series[float]":
    """Numbers of a column of texts (or of numbers): NaN where a cell is missing or no number.

    Thousands may be grouped by the other mark, by spaces or by apostrophes; a currency sign or a
    per cent sign is left away. Compare with ``missing`` to find what is no number.
    """
    import pandas as pd

    if cells.dtype.kind in "iuf":
        return cells.astype(np.float64)
    found = pd.Series(np.nan, cells.index)
    if decimal == ".":  # what Python itself reads; nearly all cells of nearly all files
        found = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    rest = cells[found.isna()]
    rest = rest[~missing(rest)].drop_duplicates()  # mostly none
    grouping = "," if decimal == "." else "."
    plain = _bare(rest)
    plain = plain[_fits(plain, PATTERNS[decimal])]
    plain = plain.str.replace(rf"{GROUP}|{re.escape(grouping)}", "", regex=True)
    values = pd.to_numeric(plain.str.replace(decimal, ".", regex=False)).astype(np.float64)
    if len(values):
        known = dict(zip(rest[values.index], values, strict=True))
        found = found.fillna(cells.map(known).astype(np.float64))
    return found.where(np.isfinite(found))


def _bare(cells: "pd.Series[str]") -> "pd.Series[str]":
    """Without spaces around, currency and per cent signs; the minus of printers as "-"."""
    import pyarrow.compute as pc

    return changed(
        cells.astype(str),
        bare,
        lambda part: pc.match_substring_regex(part, _PLAIN),
    )


def _fits(texts: "pd.Series[str]", pattern: re.Pattern[str]) -> "pd.Series[bool]":
    """Which texts are wholly of a pattern; Arrow's own expressions know the plain ones alone."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.array(texts, pa.large_string())
    plain = pc.match_substring_regex(column, _PLAIN).to_numpy(zero_copy_only=False)
    fits = pc.match_substring_regex(column, rf"\A(?:{pattern.pattern})\z")
    found = plain & fits.to_numpy(zero_copy_only=False)
    found[~plain] = np.array([pattern.fullmatch(t) is not None for t in texts[~plain]], bool)
    return pd.Series(found, texts.index, dtype=bool)
