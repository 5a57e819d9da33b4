"""Tables in anybody's files: CSV, TSV, JSON Lines and Parquet, read by pyarrow.

Cells of text formats stay strings, empty ones "", so that a reader decides what a cell means; those
of Parquet and JSON keep their types. Rows are counted as a spreadsheet shows them: the header of a
CSV file is row 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repertoire.data.doors import Fact, OptionNeeded
from repertoire.data.sources import SourceError
from repertoire.data.splits import splits_of_files
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
# Files that tell about the data, as Hugging Face and others publish them; by what precedes a dot.
ABOUT = ("readme", "license", "licence", "copying", "notice", "citation", "changelog")
ABOUT_JSON = ("dataset_info", "dataset_infos", "croissant")
TEXTS = ("", ".txt", ".md", ".markdown", ".rst", ".html", ".cff", ".bib")
SHEETS = (".xlsx", ".xls", ".ods")
SAID = 8  # names of files in a sentence
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


def is_about(name: str) -> bool:
    """Whether a file is called as those that tell about data: README.md, dataset_infos.json."""
    stem, kind = Path(name.lower()).stem, Path(name.lower()).suffix
    return (stem in ABOUT and kind in TEXTS) or (stem in ABOUT_JSON and kind == ".json")


def table_files(raw: Path) -> list[Path]:
    """The tables in a folder and below it, sorted. Raises SourceError where there is none.

    Hidden files are passed over, and so are ``other_files``.
    """
    tables = [path for path in _visible(raw) if _is_table(path)]
    others = other_files(raw)
    if sheet := next((path for path in others if path.suffix.lower() in SHEETS), None):
        raise SourceError(f"{sheet.name}: a spreadsheet; save it as CSV")
    if not tables and others:
        raise SourceError(
            f"{others[0].name}: not a table; there are: CSV, TSV, JSON Lines, Parquet, by the "
            "endings .csv, .tsv, .jsonl, .parquet"
        )
    if not tables:
        raise SourceError(f"{raw.name}: holds no table (.csv, .tsv, .jsonl, .parquet)")
    return tables


def other_files(raw: Path) -> list[Path]:
    """The files beside the tables of a folder, such as README.md."""
    return [path for path in _visible(raw) if not _is_table(path)]


def ignored(raw: Path) -> list[Fact]:
    """What a door says of the files beside the tables, if there are any."""
    names = [path.relative_to(raw).as_posix() for path in other_files(raw)]
    more = f" and {len(names) - SAID} more" if len(names) > SAID else ""
    return [Fact("ignored", f"{', '.join(names[:SAID])}{more}: no table")] if names else []


def _visible(raw: Path) -> list[Path]:
    found = []
    for path in sorted(raw.rglob("*")):
        parts = path.relative_to(raw).parts
        hidden = any(p.startswith((".", "__MACOSX")) or p == "Thumbs.db" for p in parts)
        if not hidden and not path.is_dir():
            found.append(path)
    return found


def _is_table(path: Path) -> bool:
    return ending(path) in ENDINGS and not is_about(path.name)


def read_tables(files: Sequence[Path], reading: Reading) -> Table:
    """Every row of files with equal columns. Raises SourceError: file, row, remedy.

    Raises OptionNeeded for files of several formats: one may be a copy of the other.
    """
    import pandas as pd

    _refuse_two_formats(files)
    splits = splits_of_files(files)
    tables = [read_table(file, reading, split) for file, split in zip(files, splits, strict=True)]
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


def _refuse_two_formats(files: Sequence[Path]) -> None:
    first = {ENDINGS[ending(file)]: file.name for file in reversed(files)}
    if len(first) > 1:
        raise OptionNeeded(
            f"tables of {len(first)} formats: {', '.join(sorted(first.values()))}; one may be a "
            "copy of the other; name the files of one format"
        )


def read_table(path: Path, reading: Reading, split: str | None = None) -> Table:
    """The rows of one file, which are of ``split``; None: of the one that the file is called."""
    if split is None:
        [split] = splits_of_files([path])
    form = ENDINGS[ending(path)]
    rows = FORMATS[form](path, reading)
    names = rows.table.column_names
    refuse_doubled(path, names)
    frame = rows.table.to_pandas(types_mapper=_types)
    frame[FILE] = _same(path.name, len(frame))
    frame[SPLIT] = _same(split, len(frame))
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
