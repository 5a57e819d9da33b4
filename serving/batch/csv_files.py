"""CSV files: their encoding and delimiter told, their rows read in bounded memory and written.

A cell without quotes and content is none, `""` is an empty text: what is written reads back equal.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
from pyarrow import csv as arrow_csv

from repertoire.runtime.encodings import SAMPLE, encoding_of, known_encoding
from repertoire.runtime.errors import InvalidInput, Malformed

Row = dict[str, Any]
SUFFIXES = (".csv", ".tsv")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
LARGEST_ROW = 8 * 2**20  # bytes: more than that is read at once
_BROKEN = "\udc80"  # stands for bytes that are no text; no valid UTF-8 holds it
codecs.register_error("serving.broken", lambda error: (_BROKEN, _end(error)))


def _end(error: UnicodeError) -> int:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.end


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is to be read; `names` are those of its header."""

    encoding: str
    delimiter: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        called = {sign: name for name, sign in DELIMITERS.items()}
        return (
            f"{self.encoding.upper()}, {called.get(self.delimiter, self.delimiter)} between cells"
        )


def dialect(source: Path, encoding: str = "", delimiter: str = "") -> Dialect:
    """What is not given is told by the beginning of the file. Raises InvalidInput."""
    with source.open("rb") as file:
        start = file.read(SAMPLE)
    told = known_encoding(encoding) if encoding else encoding_of(start, str(source))
    codec = codecs.lookup(told).name
    text = codecs.getincrementaldecoder(codec)("replace").decode(start).removeprefix("\ufeff")
    if not text.strip():
        raise InvalidInput(f"{source} is empty; it needs a header and rows")
    delimiter = delimiter or (
        "\t" if source.suffix == ".tsv" else _delimiter(text, cut=len(start) == SAMPLE)
    )
    first = next(_cells(text, delimiter))
    names = [name.strip() or f"column_{place}" for place, name in enumerate(first, 1)]
    if doubled := [name for place, name in enumerate(names) if name in names[:place]]:
        raise InvalidInput(f"two columns of {source} are called {doubled[0]!r}; rename one")
    return Dialect(codec, delimiter, tuple(names))


def _cells(text: str, delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(SAMPLE)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return (row for row in rows if row)


def _delimiter(text: str, cut: bool) -> str:
    """The one that cuts most of the first rows into as many cells as the header has, over one."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = list(islice(_cells(text, delimiter), 200))[: -1 if cut else None]
        width = len(rows[0]) if rows else 1
        fitting = sum(len(row) == width for row in rows) / max(1, len(rows))
        return (fitting if width > 1 else 0.0), width

    best = max(DELIMITERS.values(), key=score)
    return best if score(best)[0] else ","


def read(source: Path, form: Dialect, skip: int) -> Iterator[Row | Malformed]:
    """The rows after the first `skip`; one that is not as the header says comes as its error.

    Raises InvalidInput for a row that is longer than LARGEST_ROW.
    """
    return islice(_checked(source, form), skip + 1, None)  # the header is a row here


def _checked(source: Path, form: Dialect) -> Iterator[Row | Malformed]:
    """The last row is an error where a quotation mark in it is never closed."""
    rows = _rows(source, form)
    last = next(rows)
    for row in rows:
        yield last
        last = row
    cell = last[form.names[-1]] if isinstance(last, dict) else None
    if cell and "\n" in cell and not _ends_quoted(source):
        last = Malformed("the row opens a quotation mark that is never closed; close or double it")
    yield last


def _ends_quoted(source: Path) -> bool:
    with source.open("rb") as file:
        file.seek(max(0, source.stat().st_size - 64))
        return file.read().rstrip(b"\r\n\t \0").endswith(b'"')  # in UTF-16, too


def _rows(source: Path, form: Dialect) -> Iterator[Row | Malformed]:
    bad: list[tuple[int, str]] = []

    def set_aside(row: Any) -> str:
        reason = f"the row has {row.actual_columns} cells, the header {row.expected_columns}"
        bad.append((row.number - 1, reason))
        return "skip"

    number = 0
    with _opened(source, form.encoding) as file:
        try:
            for batch in _batches(file, form, set_aside):
                for row in _of_batch(form, batch):
                    while bad and bad[0][0] == number:
                        yield Malformed(bad.pop(0)[1])
                        number += 1
                    yield row
                    number += 1
        except pa.ArrowInvalid as error:
            raise _unreadable(source, max(0, number - 1), str(error)) from error
    yield from (Malformed(reason) for _, reason in bad)


def _unreadable(source: Path, number: int, said: str) -> InvalidInput:
    if "straddling" not in said:
        return InvalidInput(f"{source} cannot be read: {' '.join(said.split())}")
    return InvalidInput(
        f"{source}: after {number} rows, one is longer than {LARGEST_ROW >> 20} MiB, or a "
        "quotation mark in it is never closed; close or double the mark"
    )


def _batches(file: Any, form: Dialect, set_aside: Any) -> Iterator[pa.RecordBatch]:
    """Cells stay bytes: one that is no text is an error of its row alone."""
    reader = arrow_csv.open_csv(
        file,
        arrow_csv.ReadOptions(
            use_threads=False,
            block_size=LARGEST_ROW,
            autogenerate_column_names=True,
        ),
        arrow_csv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=set_aside
        ),
        arrow_csv.ConvertOptions(
            column_types={f"f{place}": pa.binary() for place in range(len(form.names))},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    for batch in reader:
        yield from (batch.slice(start, 1024) for start in range(0, batch.num_rows, 1024))


def _of_batch(form: Dialect, batch: pa.RecordBatch) -> Iterator[Row | Malformed]:
    """Its rows: decoded together, or one by one where a cell is no text."""
    try:
        columns = [column.cast(pa.string()).to_pylist() for column in batch.columns]
    except pa.ArrowInvalid:
        given = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return (_row(form, cells) for cells in given)
    return (dict(zip(form.names, cells, strict=True)) for cells in zip(*columns, strict=True))


def _row(form: Dialect, cells: Sequence[bytes | None]) -> Row | Malformed:
    try:
        texts = [None if cell is None else cell.decode() for cell in cells]
    except UnicodeDecodeError:
        return Malformed(f"the row is not {form.encoding.upper()}; --encoding names another one")
    return dict(zip(form.names, texts, strict=True))


def _opened(source: Path, encoding: str) -> Any:
    if encoding in ("utf-8", "utf-8-sig"):
        return source.open("rb")
    return _AsUtf8(source.open("rb"), encoding)


class _AsUtf8(io.RawIOBase):
    """A file of another encoding as UTF-8; what is no text there is none here either."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("serving.broken")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left and (content := self._file.read(2**16)):
            self._left = self._decoder.decode(content).encode("utf-8", "surrogatepass")
        self._left = self._left or self._decoder.decode(b"", True).encode("utf-8", "surrogatepass")
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._file.close()
        super().close()


def write(file: IO[bytes], names: Sequence[str], rows: Iterable[Row], delimiter: str) -> None:
    """A header and the rows as UTF-8; texts are quoted, lists and objects are JSON."""
    for cells in chain([names], ([row.get(name) for name in names] for row in rows)):
        file.write(delimiter.join(map(_cell, cells)).encode() + b"\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if isinstance(value, int | float) else f'"{text.replace(chr(34), chr(34) * 2)}"'
