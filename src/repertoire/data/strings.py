"""Columns of many strings, batch by batch in Arrow's memory.

A Python string costs ten times a short text, so none is made where Arrow itself can do the work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from repertoire.contract import Array

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Texts = Sequence[str] | pd.Series[str]

BATCH = 2**15  # strings that are looked at together
MANY = 2**18  # different strings from which on a table of them is slower than hashes


def in_arrow(cells: Any) -> "TypeGuard[pd.Series[str]]":
    """Whether a column's strings lie in Arrow's memory."""
    import pandas as pd
    import pyarrow as pa

    kind = getattr(cells, "dtype", None)
    if isinstance(kind, pd.ArrowDtype):
        return bool(pa.types.is_large_string(kind.pyarrow_dtype))
    return isinstance(kind, pd.StringDtype) and kind.storage == "pyarrow"


def batches(texts: "Texts", size: int | None = None) -> "Iterator[pa.Array]":
    """The strings of a list or a column, at most ``size`` at a time; none of a column is copied."""
    import pyarrow as pa

    size = size or BATCH
    if not in_arrow(texts):
        for first in range(0, len(texts), size):
            yield pa.array(texts[first : first + size], pa.large_string())
        return
    whole: Any = pa.array(texts, pa.large_string())
    for chunk in whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]:
        for first in range(0, len(chunk), size):
            yield chunk[first : first + size]


def column(parts: "Iterable[pa.Array]", like: "pd.Series[Any]") -> "pd.Series[str]":
    """Batches as one column, with the index of another."""
    import pandas as pd
    import pyarrow as pa

    chunked = pa.chunked_array(parts, pa.large_string())
    kind: Any = pd.StringDtype("pyarrow", na_value=np.nan)
    return pd.Series(kind.__from_arrow__(chunked), like.index, copy=False)


def changed(
    cells: "pd.Series[Any]",
    function: Callable[[Any], str],
    fixed: "Callable[[pa.Array], pa.Array]",
) -> "pd.Series[str]":
    """What a function makes of each cell, as a column of strings.

    ``fixed`` tells of a batch which of its strings the function leaves as they are; what it is
    null for stays, too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not in_arrow(cells):
        return column([pa.array(map(function, cells), pa.large_string())], cells)

    def parts() -> "Iterator[pa.Array]":
        for part in batches(cells):
            others = pc.invert(pc.fill_null(fixed(part), True))
            if pc.any(others).as_py():
                found = map(function, part.filter(others).to_pylist())
                yield pc.replace_with_mask(part, others, pa.array(found, pa.large_string()))
            else:
                yield part

    return column(parts(), cells)


def mapped(cells: "pd.Series[Any]", function: Callable[[Any], Any]) -> "pd.Series[Any]":
    """What a function makes of each cell; equal strings in Arrow's memory are looked at once."""
    import pandas as pd

    if not in_arrow(cells):
        return pd.Series(list(map(function, cells)), cells.index)
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    found = np.empty(len(distinct), object)
    found[:] = list(map(function, distinct))
    return pd.Series(found[codes], cells.index)


def codes_of(cells: "pd.Series[Any]") -> Array:
    """int64 (rows,): equal cells have equal numbers, in the order in which they come first."""
    import pandas as pd

    codes = _codes_by_hash(cells) if in_arrow(cells) and len(cells) > MANY else None
    return pd.factorize(cells, use_na_sentinel=False)[0] if codes is None else codes


def _codes_by_hash(cells: "pd.Series[str]") -> Array | None:
    """As ``codes_of``; None where few differ, where one is null, or where two share a hash."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    whole: Any = pa.array(cells)
    if whole.null_count or 2 * len(whole[:BATCH].unique()) < min(BATCH, len(whole)):
        return None
    hashes = np.empty(len(whole), np.uint64)
    end = 0
    for part in batches(cells):
        start, end = end, end + len(part)
        strings = part.to_numpy(zero_copy_only=False)
        hashes[start:end] = pd.util.hash_array(strings, categorize=False)
    codes, distinct = pd.factorize(hashes)
    first = first_of(codes, len(distinct))[codes]
    again = np.flatnonzero(first != np.arange(len(codes)))
    same = pc.equal(whole.take(pa.array(again)), whole.take(pa.array(first[again])))
    return codes if pc.all(same, min_count=0).as_py() else None


def first_of(codes: Array, count: int) -> Array:
    """int64 (count,): where each of the numbers 0, 1, … comes first."""
    first = np.zeros(count, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


def repeated(table: "pd.DataFrame", columns: Sequence[str]) -> Array:
    """bool (rows,): which rows have in all of these columns what an earlier row has."""
    import pandas as pd

    total = np.zeros(len(table), np.int64)
    for name in columns:
        codes = codes_of(table[name])
        total = total * (codes.max(initial=0) + 1) + codes
    return pd.Series(total).duplicated().to_numpy()


def lowered(texts: "pd.Series[str]") -> "pd.Series[str]":
    """As ``str.lower``; a batch without capitals is shared with the column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def parts() -> "Iterator[pa.Array]":
        for part in batches(texts):
            if pc.all(pc.string_is_ascii(part)).as_py():
                lower = pc.ascii_lower(part)
                yield part if lower.equals(part) else lower
            else:
                yield pa.array([text.lower() for text in part.to_pylist()], pa.large_string())

    return column(parts(), texts)


def word_counts(texts: "pa.Array") -> dict[str, int]:
    """How often each word occurs; words are what ``str.split(" ")`` makes of a text."""
    import pyarrow.compute as pc

    found = pc.value_counts(pc.split_pattern(texts, " ").flatten())
    words, times = found.flatten()
    return dict(zip(words.to_pylist(), times.to_pylist(), strict=True))
