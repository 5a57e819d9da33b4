"""Tables in anybody's files: CSV, TSV, JSON Lines and Parquet, read by pyarrow.

Cells of text formats stay strings, empty ones "", so that a reader decides what a cell means; those
of Parquet and JSON keep their types. Rows are counted as a spreadsheet shows them: the header of a
CSV file is row 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repertoire.data.sources import SourceError
from repertoire.data.splits import split_called
from repertoire.data.table_formats import (
    Bad,
    Reading,
    csv_rows,
    ending,
    json_lines_rows,
    parquet_rows,
    refuse_doubled,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Format = Literal["csv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".dat": "csv",
    ".data": "csv",
    ".inter": "csv",
    ".item": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
FORMATS = {"csv": csv_rows, "jsonl": json_lines_rows, "parquet": parquet_rows}
FILE, ROW, SPLIT = "_file", "_row", "_split"  # columns that a table has besides its own


@dataclass
class Table:
    """The rows of one or several files of equal columns.

    ``frame`` has the columns of the file, and besides them ``_file``, ``_row`` (as a spreadsheet
    counts) and ``_split`` ("" where the file's name tells none). ``rows`` is how many the files
    hold, estimated where ``sampled``.
    """

    frame: "pd.DataFrame"
    columns: list[str]
    bad: list[Bad]
    formats: list[str]
    rows: int
    sampled: bool


def table_files(raw: Path) -> list[Path]:
    """The tables in a folder and below it, sorted; hidden files are passed over.

    Raises SourceError for a file that is no table, and where there is none.
    """
    files = []
    for path in sorted(raw.rglob("*")):
        parts = path.relative_to(raw).parts
        if path.is_dir() or any(p.startswith((".", "__MACOSX")) or p == "Thumbs.db" for p in parts):
            continue
        if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
            raise SourceError(f"{path.name}: a spreadsheet; save it as CSV")
        if ending(path) not in ENDINGS:
            raise SourceError(
                f"{path.name}: not a table; there are: CSV, TSV, JSON Lines, Parquet, by the "
                "endings .csv, .tsv, .jsonl, .parquet"
            )
        files.append(path)
    if not files:
        raise SourceError(f"{raw.name}: holds no table (.csv, .tsv, .jsonl, .parquet)")
    return files


def read_tables(files: Sequence[Path], reading: Reading) -> Table:
    """Every row of files with equal columns. Raises SourceError: file, row, remedy."""
    import pandas as pd

    tables = [read_table(file, reading) for file in files]
    first = tables[0]
    for file, table in zip(files[1:], tables[1:], strict=True):
        if set(table.columns) != set(first.columns):
            raise SourceError(
                f"{file.name}: has the columns {', '.join(table.columns)}; {files[0].name} has "
                f"{', '.join(first.columns)}; give files of one data set the same columns"
            )
    if len(tables) == 1:
        return first
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    return Table(
        frame.astype({FILE: "category", SPLIT: "category"}),
        first.columns,
        [bad for table in tables for bad in table.bad],
        list(dict.fromkeys(words for table in tables for words in table.formats)),
        sum(table.rows for table in tables),
        any(table.sampled for table in tables),
    )


def read_table(path: Path, reading: Reading) -> Table:
    """The rows of one file; its name may tell the split."""
    form = ENDINGS[ending(path)]
    rows = FORMATS[form](path, reading)
    names = rows.table.column_names
    refuse_doubled(path, names)
    frame = rows.table.to_pandas(types_mapper=_types)
    frame[FILE] = _same(path.name, len(frame))
    frame[SPLIT] = _same(split_called(path.name.split(".")[0]) or "", len(frame))
    frame[ROW] = rows.numbers
    sampled = rows.total > len(frame) + len(rows.bad)
    return Table(frame, list(names), rows.bad, [rows.format], rows.total, sampled)


def _same(value: str, count: int) -> Any:
    """A column of one value, in a byte a row."""
    import numpy as np
    import pandas as pd

    return pd.Categorical.from_codes(np.zeros(count, np.int8), pd.Index([value]))


def _types(kind: "pa.DataType") -> Any:
    """Strings stay in Arrow's memory: a Python string costs ten times a short text."""
    import pandas as pd
    import pyarrow as pa

    return pd.ArrowDtype(pa.large_string()) if pa.types.is_large_string(kind) else None
