"""Rows of files, in bounded memory: CSV, Parquet, JSON Lines, folders of images."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from repertoire.runtime.errors import InvalidInput, Malformed
from serving import csv_files
from serving.csv_files import Dialect, Row

FORMATS = (".csv", ".tsv", ".parquet", ".jsonl")
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_ORJSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def read(source: Path, skip: int, form: Dialect | None = None) -> Iterator[Row | Malformed]:
    """The rows after the first `skip`; one that cannot be read comes as its error.

    `form` is that of a CSV file.
    """
    if form:
        yield from csv_files.read(source, form, skip)
    elif source.is_dir():
        for file in _images(source)[skip:]:
            yield {"file": file.name, "image": file.read_bytes()}
    elif source.suffix == ".parquet":
        yield from _read_parquet(source, skip)
    else:
        with source.open("rb") as lines:
            yield from map(_parsed, islice(lines, skip, None))


def digest(source: Path) -> str:
    """Changes with the content of the file, or with that of any image in the folder."""
    if not source.is_dir():
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = ((file.name, digest(file)) for file in _images(source))
    return hashlib.sha256(orjson.dumps(list(names))).hexdigest()


def write(path: Path, rows: Sequence[Row]) -> None:
    """Writes all rows or, if interrupted, nothing under that name. CSV is made by `merge` alone."""
    with Replacing(path) as unfinished:
        if path.suffix == ".parquet":
            pq.write_table(_table(rows), unfinished)
        else:
            unfinished.write_bytes(b"".join(orjson.dumps(row, _spelled, _ORJSON) for row in rows))


def count(parts: Sequence[Path]) -> int:
    """The rows in files that `write` wrote."""
    return sum(_count(part) for part in parts)


def suffix_of_parts(output: Path) -> str:
    """The columns of CSV are known when all parts are: till then its rows are JSON Lines."""
    return ".jsonl" if output.suffix in csv_files.SUFFIXES else output.suffix


def merge(parts: Sequence[Path], path: Path) -> None:
    """Joins files of rows into one, all or nothing. Raises InvalidInput where they do not fit."""
    with Replacing(path) as unfinished:
        if path.suffix == ".parquet":
            _merge_parquet(parts, unfinished)
        elif path.suffix in csv_files.SUFFIXES:
            names = dict.fromkeys(name for row in _lines(parts) for name in row)
            delimiter = "\t" if path.suffix == ".tsv" else ","
            csv_files.write(unfinished, list(names), _lines(parts), delimiter)
        else:
            with unfinished.open("wb") as whole:
                for part in parts:
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, whole)


class Replacing:
    """A file under another name until it is whole and on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}.tmp")

    def __enter__(self) -> Path:
        return self._unfinished

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._unfinished.unlink(missing_ok=True)
            return
        with self._unfinished.open("rb") as file:
            os.fsync(file.fileno())
        self._unfinished.replace(self._path)


def _count(part: Path) -> int:
    if part.suffix == ".parquet":
        return int(pq.read_metadata(part).num_rows)
    with part.open("rb") as lines:
        return sum(1 for _ in lines)


def _spelled(value: Any) -> str:
    """What a column of Parquet may hold and JSON has no type for."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can spell")


def _lines(parts: Sequence[Path]) -> Iterator[Row]:
    for part in parts:
        with part.open("rb") as lines:
            yield from map(orjson.loads, lines)


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGES)


def _read_parquet(source: Path, skip: int) -> Iterator[Row]:
    with pq.ParquetFile(source) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if skip >= rows:
                skip -= rows
                continue
            for batch in file.iter_batches(batch_size=1024, row_groups=[group]):
                yield from batch.slice(skip).to_pylist()
                skip = max(0, skip - batch.num_rows)


def _parsed(line: bytes) -> Row | Malformed:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Malformed(f"the line is not valid JSON: {error}")
    return row if isinstance(row, dict) else Malformed("the line is JSON, but not an object")


def _table(rows: Sequence[Row]) -> pa.Table:
    """A column for each name in any row: pyarrow alone would take those of the first."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_plain(row.get(name)) for row in rows] for name in names}
    return pa.table({name: _column(name, values) for name, values in columns.items()})


def _column(name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise _mixed(f"column {name}", error) from error


def _mixed(what: str, error: Exception) -> InvalidInput:
    reason = " ".join(str(error).split())
    return InvalidInput(f"{what} holds values that Parquet cannot hold ({reason}); write .jsonl")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _merge_parquet(parts: Sequence[Path], path: Path) -> None:
    """Parts may differ where one lacks a column or its values: their schemas are joined first."""
    schemas = [pq.read_schema(part) for part in parts]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise _mixed("one column", error) from error
    with pq.ParquetWriter(path, schema) as writer:
        for part in parts:
            whole = [schema.empty_table(), pq.read_table(part)]
            writer.write_table(pa.concat_tables(whole, promote_options="permissive"))
