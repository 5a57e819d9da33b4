"""One format each: the rows of a CSV, a JSON Lines and a Parquet file as an Arrow table.

Each returns the table, the rows that are none, what the file is in words, and how many rows it has.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.contract import Array
from repertoire.data.encodings import encoding_of, head, not_in, told_words
from repertoire.data.sources import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

TABS = (".tsv", ".tab", ".inter", ".item")
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
SWALLOWED = 20  # line breaks in a cell from which on its quotation mark was never closed
SNIFFED = 2**18  # bytes of a CSV file by which its delimiter is told


@dataclass
class Bad:
    """A row that is no row of its table."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """``numbers`` are those of the table's rows in the file; ``total`` is estimated in a sample."""

    table: "pa.Table"
    bad: list[Bad]
    format: str
    numbers: Array
    total: int


@dataclass(frozen=True)
class Reading:
    """How files are read. Empty: told by the file itself. ``columns`` name those without header."""

    encoding: str = ""
    delimiter: str = ""
    columns: Sequence[str] = field(default=())
    include: Sequence[str] = field(default=())  # columns that are wanted; all where empty
    limit: int | None = None  # bytes at a file's beginning
    few: Sequence[str] = field(default=())  # columns of few values, which take little memory so


def ending(path: Path) -> str:
    endings = [e.lower() for e in path.suffixes]
    compressed = endings and endings[-1] in (".gz", ".bz2", ".zst")
    return (endings[-2] if len(endings) > 1 else "") if compressed else (endings or [""])[-1]


def csv_rows(path: Path, reading: Reading) -> "Rows":
    start = head(path)
    if not start.strip():
        raise SourceError(f"{path.name}: an empty file; it needs a header and rows")
    encoding = encoding_of(start, path.name, reading.encoding)
    delimiter = reading.delimiter or _delimiter(path, start, encoding)
    names = list(reading.columns) or _header(start, encoding, delimiter)
    refuse_doubled(path, names)
    bad: list[Bad] = []
    swallowed: list[tuple[int, str]] = []

    def refuse(row: Any) -> str:
        reason = f"{row.actual_columns} cells where there are {row.expected_columns} columns"
        bad.append(Bad(path.name, int(row.number), reason))
        swallowed.append((int(row.number), row.text))
        return "skip"

    form = replace(reading, encoding=encoding, delimiter=delimiter)
    table, read = _csv_table(path, form, names, refuse)
    words = f"{'TSV' if delimiter == chr(9) else 'CSV'}, {told_words(encoding, reading.encoding)}"
    if delimiter not in ",\t":
        words += f", {DELIMITERS.get(delimiter, repr(delimiter))} between cells"
    for row, cell in swallowed:
        _refuse_open_quote(path, row, cell)
    if table.num_rows:
        for column in table.columns:
            _refuse_open_quote(path, 1 + table.num_rows + len(bad), column[-1].as_py())
    # Bad rows are counted too, and in a file with a header that is row 1.
    first = 1 if reading.columns else 2
    numbers = np.arange(first, first + table.num_rows + len(bad))
    numbers = numbers[~np.isin(numbers, [row.row for row in bad])][: table.num_rows]
    total = _estimated(path, len(table) + len(bad), read, _letters(table))
    return Rows(table, bad, words, numbers, total)


def _csv_table(
    path: Path, form: Reading, names: Sequence[str], refuse: Callable[[Any], str]
) -> "tuple[pa.Table, bool]":
    """The rows as texts, and whether they are all; ``refuse`` sees those of another width."""
    import pyarrow as pa
    from pyarrow import csv

    few, text = pa.dictionary(pa.int32(), pa.string()), pa.large_string()
    try:
        with pa.input_stream(str(path), compression="detect") as file:
            reader = csv.open_csv(
                file,
                read_options=csv.ReadOptions(
                    use_threads=False,
                    encoding="utf-8" if form.encoding == "utf-8-sig" else form.encoding,
                    column_names=names,
                    skip_rows_after_names=0 if form.columns else 1,
                ),
                parse_options=csv.ParseOptions(
                    delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=refuse
                ),
                convert_options=csv.ConvertOptions(
                    column_types={name: few if name in form.few else text for name in names},
                    strings_can_be_null=False,
                    include_columns=[name for name in names if name in form.include],
                ),
            )
            return _batches(reader, reader.schema, form.limit)
    except UnicodeDecodeError as error:
        raise not_in(form.encoding, path.name, error) from None
    except pa.ArrowInvalid as error:
        raise SourceError(f"{path.name}: {_said(error)}; save it as UTF-8 CSV") from None


def refuse_doubled(path: Path, names: Sequence[str]) -> None:
    """Two columns of one name cannot be told apart."""
    if doubled := sorted({name for name in names if list(names).count(name) > 1}):
        called = f"{path.name}: two columns are called {doubled[0]!r}"
        raise SourceError(f"{called}; give each a name of its own")


def _batches(
    batches: "Iterable[pa.RecordBatch]", schema: "pa.Schema", limit: int | None
) -> "tuple[pa.Table, bool]":
    """The table of a stream up to the limit in bytes, and whether that is all."""
    import pyarrow as pa

    read, size = [], 0
    for batch in batches:
        read.append(batch)
        size += batch.nbytes
        if limit is not None and size >= limit:
            return pa.Table.from_batches(read, schema), False
    return pa.Table.from_batches(read, schema), True


def _letters(table: "pa.Table") -> int:
    """Bytes of the cells of a CSV file's rows, and of the signs between them."""
    import pyarrow.compute as pc

    cells = (pc.binary_length(column.cast("large_string")) for column in table.columns)
    return sum(pc.sum(lengths).as_py() or 0 for lengths in cells) + table.num_columns * len(table)


def _estimated(path: Path, rows: int, whole: bool, size: int) -> int:
    """How many rows a file has, of which the first ``rows`` take ``size`` bytes."""
    return rows if whole else max(rows + 1, round(rows * path.stat().st_size / max(1, size)))


def _header(start: bytes, encoding: str, delimiter: str) -> list[str]:
    """The names in the first row; a column without one is called by its place."""
    import csv
    import io

    text = start.decode(encoding, errors="replace").removeprefix("\ufeff")
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    return [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]


def _delimiter(path: Path, start: bytes, encoding: str) -> str:
    """The one that cuts the first rows into most columns, with the fewest rows that do not fit."""
    if ending(path) in TABS:
        return "\t"
    import csv
    import io

    text = start.decode(encoding, errors="replace").removeprefix("\ufeff")[:SNIFFED]
    scores = {}
    for delimiter in DELIMITERS:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        rows = [row for row in rows if row][: 1 + len(rows) // 2 * 2][:200]
        width = len(rows[0]) if rows else 1
        fitting = sum(len(row) == width for row in rows) / max(1, len(rows))
        scores[delimiter] = (fitting if width > 1 else 0, width)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best][0] else ","


def _refuse_open_quote(path: Path, row: int, cell: str) -> None:
    """A quotation mark that is never closed makes all that follows one cell."""
    if cell.count("\n") > SWALLOWED:
        raise SourceError(
            f"{path.name}: row {row:,} opens a quotation mark that is never closed, so the "
            "rest of the file became one cell; close or double the mark"
        )


def json_lines_rows(path: Path, reading: Reading) -> "Rows":
    import pyarrow as pa

    encoding = encoding_of(head(path), path.name, reading.encoding)
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[Bad] = []
    size, whole = 0, True
    with pa.input_stream(str(path), compression="detect") as stream:
        lines = _lines(stream.read(), encoding, path)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        size += len(line)
        if reading.limit is not None and size > reading.limit:
            whole = False
            break
        try:
            value = json.loads(line)
        except ValueError as error:
            if number == 1 and line.lstrip().startswith("["):
                raise SourceError(
                    f"{path.name}: one JSON array; write one object a line (JSON Lines)"
                ) from None
            bad.append(Bad(path.name, number, f"not valid JSON ({error})"))
            continue
        if isinstance(value, dict):
            rows.append(value)
            numbers.append(number)
        else:
            bad.append(Bad(path.name, number, "not a JSON object"))
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    words = f"JSON Lines, {told_words(encoding, reading.encoding)}"
    total = _estimated(path, len(table) + len(bad), whole, size)
    return Rows(table, bad, words, np.array(numbers, np.int64), total)


def _lines(content: bytes, encoding: str, path: Path) -> list[str]:
    try:
        return content.decode(encoding).replace("\r", "").split("\n")
    except UnicodeDecodeError as error:
        raise not_in(encoding, path.name, error) from None


def _column(values: Sequence[Any]) -> Any:
    """An Arrow array of one type: mixed columns become strings, as their JSON spells them."""
    import pyarrow as pa

    if any(isinstance(value, str) for value in values):
        texts = [
            "" if v is None else v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)
            for v in values
        ]
        return pa.array(texts, pa.large_string())
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([json.dumps(v, ensure_ascii=False) for v in values], pa.large_string())


def parquet_rows(path: Path, reading: Reading) -> "Rows":
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            names = file.schema_arrow.names
            wanted = [name for name in names if name in reading.include] or names
            schema = pa.schema([file.schema_arrow.field(name) for name in wanted])
            table, _ = _batches(file.iter_batches(columns=wanted), schema, reading.limit)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path.name}: not a Parquet file ({_said(error)})") from None
    return Rows(_plain_strings(table), [], "Parquet", np.arange(1, table.num_rows + 1), rows)


def _plain_strings(table: "pa.Table") -> "pa.Table":
    """Strings of any kind (dictionaries, views) as one type; none as ""."""
    import pyarrow as pa
    import pyarrow.compute as pc

    types = pa.types
    strings = (types.is_string, types.is_large_string, types.is_string_view)
    for place, column in enumerate(table.schema):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if any(is_text(kind) for is_text in strings):
            texts = pc.fill_null(table.column(place).cast(pa.large_string()), "")
            table = table.set_column(place, column.name, texts)
    return table


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".")
