"""Rows of files, in bounded memory: CSV, Parquet, JSON Lines, images and WAV files."""

from __future__ import annotations

import hashlib
import io
import itertools
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.image_file import SUFFIXES as IMAGES
from serving.batch import cells, csv_files, places
from serving.batch.csv_files import Dialect, Row

FORMATS = (".csv", ".tsv", ".parquet", ".jsonl")
FOLDERS = {"image": IMAGES, "audio": frozenset((".wav", ".wave"))}
"""What the files of a folder fill -> how their names end."""
FOREIGN = {  # how files begin that are called like another kind
    b"PAR1": (".parquet", "a Parquet file; call it .parquet"),
    b"\x1f\x8b": ("", "compressed by gzip; unpack it first: gunzip"),
    b"PK\x03\x04": ("", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
}
_MARK = b"\xef\xbb\xbf"  # of UTF-8


@dataclass(frozen=True)
class Source:
    """A table; or files that are a row each, which fill the column `medium`.

    `name` is what rows call it where there are several. `form` is that of a CSV file. Of Parquet
    all columns but those `wanted` stay undecoded, where it is not None.
    """

    path: Path
    form: Dialect | None = None
    medium: str = ""
    files: tuple[tuple[str, Path], ...] = ()  # names in their order
    wanted: Collection[str] | None = None

    @property
    def name(self) -> str:
        return printable(str(self.path))


def read(source: Source, skip: int) -> Iterator[Row | Malformed]:
    """The rows after the first `skip`; one that cannot be read comes as its error.

    In the place of a cell of Parquet, and of a file, stands what ``loaded`` loads. Raises
    InvalidInput for what is no file of its kind.
    """
    if source.medium:
        for name, file in itertools.islice(source.files, skip, None):
            yield {"file": name, source.medium: file}
    elif source.form:
        yield from csv_files.read(source.path, source.form, skip)
    elif source.path.suffix == ".parquet":
        yield from _read_parquet(source, skip)
    else:
        yield from map(_parsed, itertools.islice(_lines(source.path), skip, None))


def loaded(row: Row, wanted: Collection[str] | None = None) -> Row:
    """A row with its cells as Python has them, and its file read: those `wanted`, or all.

    Raises Malformed.
    """
    names = [name for name in row if wanted is None or name in wanted]
    return {name: _loaded(name, row[name]) for name in names}


def check_kind(path: Path) -> None:
    """Raises InvalidInput for a file that is plainly of another kind than its name says."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(4)
        for magic, (suffix, what) in FOREIGN.items():
            if head.startswith(magic) and path.suffix != suffix:
                raise InvalidInput(f"{path} is {what}")


def types(path: Path) -> dict[str, pa.DataType]:
    """The columns of a Parquet file and their types. Raises InvalidInput."""
    with _parquet(path) as file:
        return {field.name: cells.decoded(field.type) for field in file.schema_arrow}


def digest(source: Source) -> str:
    """Changes with the content of the table, or with that of any of the files."""
    if not source.medium:
        return places.digest(source.path)
    files = [(name, _digest_if_readable(file)) for name, file in source.files]
    return hashlib.sha256(orjson.dumps(files)).hexdigest()


def printable(text: str) -> str:
    r"""The text with what is no character as \udc..: of names of files that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _digest_if_readable(path: Path) -> str:
    try:
        _check_file(path)
        return places.digest(path)
    except OSError as error:
        return str(error.errno)


def _loaded(name: str, value: Any) -> Any:
    if isinstance(value, pa.Scalar):
        return _cell(name, value)
    return _content(value) if hasattr(value, "read_bytes") else value


def _cell(name: str, value: pa.Scalar) -> Any:
    try:
        return cells.value(value)
    except cells.Unreadable as error:
        raise Malformed(f"{name} holds a value that cannot be read ({error})") from error


def _content(path: Path) -> bytes:
    try:
        return _opened(path)
    except OSError as error:
        why = error.strerror or " ".join(str(error).split())
        raise Malformed(f"the file cannot be read: {why}") from error


def _opened(path: Path) -> bytes:
    _check_file(path)
    return path.read_bytes()


def _check_file(path: Path) -> None:
    """A pipe would never end. Raises OSError."""
    if not places.is_local(path):
        return
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise OSError(0, "it is a pipe or a device")


def _lines(path: Path) -> Iterator[bytes]:
    """Those that are not blank, whichever system ended them."""
    # Latin-1 maps each byte to itself, and the reader knows all three line ends.
    with path.open("rb") as file, io.TextIOWrapper(file, "latin-1") as lines:
        for number, line in enumerate(lines):
            content = line.encode("latin-1")
            content = content if number else content.removeprefix(_MARK)
            if content.strip():
                yield content


def _parsed(line: bytes) -> Row | Malformed:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if b"\0" in line:
            return Malformed("the line holds NUL bytes, as UTF-16 does; save the file as UTF-8")
        return Malformed(f"the line is not valid JSON: {error}")
    return row if isinstance(row, dict) else Malformed("the line is JSON, but not an object")


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path if places.is_local(path) else path.open("rb"))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    why = " ".join(str(error).split())
    return InvalidInput(f"{path} is damaged, cut off or no Parquet file ({why}); copy it again")


def _read_parquet(source: Source, skip: int) -> Iterator[Row | Malformed]:
    with _parquet(source.path) as file:
        names = file.schema_arrow.names
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInput(f"two columns of {source.path} are called {doubled!r}; rename one")
        wanted = [n for n in names if source.wanted is None or n in source.wanted]
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            if skip >= count:
                skip -= count
                continue
            for batch in _batches(source.path, file, group, wanted):
                yield from _rows(batch.slice(skip), wanted)
                skip = max(0, skip - batch.num_rows)


def _batches(
    path: Path, file: pq.ParquetFile, group: int, names: list[str]
) -> Iterator[pa.RecordBatch]:
    """Of the columns named, or of none but with as many rows. Raises InvalidInput."""
    if not names:
        rows = file.metadata.row_group(group).num_rows
        yield pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        return
    try:
        yield from file.iter_batches(batch_size=1024, row_groups=[group], columns=names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _rows(batch: pa.RecordBatch, names: list[str]) -> Iterator[Row]:
    columns = {name: cells.flat(batch.column(name)) for name in names}
    for number in range(batch.num_rows):
        yield {name: column[number] for name, column in columns.items()}
