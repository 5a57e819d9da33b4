"""Files of answers: written whole or not at all, and joined into one.

Columns of Parquet whose types are known beforehand have them from the start. What others hold is
JSON until all parts are there, for a later row may hold another type: numbers of both kinds become
floats, and what has no common type becomes text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from serving.batch import cells, csv_files, places
from serving.batch.csv_files import Row

Types = Mapping[str, pa.DataType]
Content: TypeAlias = "bytes | pa.Table"
"""Of a part: lines, or a table."""
ROW_GROUP = 2**16  # rows of a joined file that are written together, at least
_JSON = {b"spelled": b"json"}  # metadata of a column of a part
_MISFITS = (pa.ArrowException, OverflowError)


def suffix_of_parts(output: Path) -> str:
    """The columns of CSV are known when all parts are: till then its rows are JSON Lines."""
    return ".jsonl" if output.suffix in csv_files.SUFFIXES else output.suffix


def spelled(rows: Sequence[Row], types: Types, suffix: str) -> tuple[Content, dict[int, str]]:
    """The content of a part, and by its place in `rows` why one cannot be written."""
    if suffix == ".parquet":
        return _spelled_table(rows, types)
    lines, wrong = [], {}
    for place, row in enumerate(rows):
        try:
            lines.append(cells.json(row) + b"\n")
        except (TypeError, ValueError) as error:
            wrong[place] = _reason(error)
    return b"".join(lines), wrong


def write(path: Path, content: Content, made: Mapping[str, Any]) -> None:
    """Writes all or, if interrupted, nothing; a file of Parquet says how it was `made`."""
    with places.writing(path) as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            pq.write_table(content.replace_schema_metadata(_told(made)), file)


def merge(parts: Sequence[Path], path: Path, made: Mapping[str, Any], names: Sequence[str]) -> None:
    """Joins files of rows into one, all or nothing; `names` are those of the columns of CSV."""
    with places.writing(path) as file:
        if path.suffix == ".parquet":
            _merge_parquet(parts, file, made)
        elif path.suffix in csv_files.SUFFIXES:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            csv_files.write(file, names, _rows(parts), delimiter)
        else:
            file.writelines(places.contents(parts))


def _told(made: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Metadata of a file of Parquet."""
    return {b"repertoire": cells.json(made)}


def _rows(parts: Sequence[Path]) -> Iterator[Row]:
    for content in places.contents(parts):
        yield from map(orjson.loads, content.splitlines())


def _spelled_table(rows: Sequence[Row], types: Types) -> tuple[pa.Table, dict[int, str]]:
    """All rows at once; only if one of them cannot be written, cell by cell."""
    try:
        return _table(rows, types, _column_of), {}
    except (TypeError, ValueError, *_MISFITS):
        good, wrong = [], {}
    for place, row in enumerate(rows):
        try:
            good.append({name: _cell(value, types.get(name)) for name, value in row.items()})
        except (TypeError, ValueError) as error:
            wrong[place] = _reason(error)
    return _table(good, types, _array), wrong


def _reason(error: Exception) -> str:
    return f"the row's answer cannot be written ({' '.join(str(error).split())})"


def _column_of(values: list[Any], kind: pa.DataType, *, json: bool) -> pa.Array:
    """Of values as answers have them."""
    if json:
        return pa.array([None if v is None else cells.json(v).decode() for v in values], kind)
    if any(isinstance(value, pa.Scalar) for value in values):
        return _array([_cell(value, kind) for value in values], kind, json=json)
    return pa.array([_fitting(value, kind) for value in values], kind)


def _cell(value: Any, kind: pa.DataType | None) -> Any:
    """A scalar of its type, or JSON. Raises TypeError or ValueError."""
    if kind is None or value is None:
        return None if value is None else cells.json(value).decode()
    cell = value if isinstance(value, pa.Scalar) else _typed([_fitting(value, kind)], kind)[0]
    return cell if cell.is_valid else None


def _fitting(value: Any, kind: pa.DataType) -> Any:
    """What is no text as one where a text is wanted, at any depth."""
    if value is None or pa.types.is_string(kind):
        return _text(value)
    if pa.types.is_list(kind) and not isinstance(value, np.ndarray):
        numbers = pa.types.is_primitive(kind.value_type)
        return value if numbers else [_fitting(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        return {field.name: _fitting(value.get(field.name), field.type) for field in kind}
    return value


def _table(rows: Sequence[Row], types: Types, column: Callable[..., pa.Array]) -> pa.Table:
    """The columns that are known, and one for each other name in any row."""
    names = dict.fromkeys([*types, *(name for row in rows for name in row)])
    fields = [
        pa.field(n, types.get(n, pa.string()), True, None if n in types else _JSON) for n in names
    ]
    columns = [
        column([row.get(field.name) for row in rows], field.type, json=field.name not in types)
        for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _array(values: list[Any], kind: pa.DataType, *, json: bool) -> pa.Array:
    """Of scalars, or JSON, or None."""
    if not pa.types.is_nested(kind) or not values:
        return pa.array(values, kind)
    # pyarrow makes no array of scalars that hold lists with a null in them.
    single = [pa.nulls(1, kind) if value is None else pa.repeat(value, 1) for value in values]
    return pa.concat_arrays(single)


def _merge_parquet(parts: Sequence[Path], file: IO[bytes], made: Mapping[str, Any]) -> None:
    schema = _schema(parts).with_metadata(_told(made))
    with pq.ParquetWriter(file, schema) as writer:
        waiting: list[pa.Table] = []
        for content in places.contents(parts):
            table = pq.read_table(pa.BufferReader(content))
            columns = [_column(table, field) for field in schema]
            waiting.append(pa.Table.from_arrays(columns, schema=schema))
            if sum(map(len, waiting)) >= ROW_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _schema(parts: Sequence[Path]) -> pa.Schema:
    """Of the columns of all parts in the order in which they appear, by all of their values."""
    found: dict[str, pa.DataType] = {}
    for content in places.contents(parts):
        for field in pq.read_schema(pa.BufferReader(content)):
            kind = field.type
            if _is_json(field):
                table = pq.read_table(pa.BufferReader(content), columns=[field.name])
                kind = _kind(_parsed(table.column(0)))
            found[field.name] = _common(found.get(field.name, kind), kind)
    return pa.schema(list(found.items()))


def _is_json(field: pa.Field) -> bool:
    return (field.metadata or {}).get(b"spelled") == b"json"


def _parsed(column: pa.ChunkedArray) -> list[Any]:
    return [None if text is None else orjson.loads(text) for text in column.to_pylist()]


def _kind(values: list[Any]) -> pa.DataType:
    try:
        kind = pa.array(values).type
    except _MISFITS:
        return pa.string()
    return pa.string() if _is_empty(kind) else kind


def _is_empty(kind: pa.DataType) -> bool:
    """Whether objects without a member are in it, which Parquet has no type for."""
    fields = [kind.field(place) for place in range(kind.num_fields)]
    return (pa.types.is_struct(kind) and not fields) or any(_is_empty(f.type) for f in fields)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    try:
        schemas = [pa.schema([("", one)]), pa.schema([("", other)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except _MISFITS:
        return pa.string()


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        return pa.nulls(len(table), field.type)
    column = table.column(field.name)
    if not _is_json(table.schema.field(field.name)):
        return column.cast(field.type)
    values = _parsed(column)
    if field.type == pa.string():
        return pa.array([_text(value) for value in values], pa.string())
    return _typed(values, field.type)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else cells.json(value).decode()


def _typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Raises TypeError or ValueError."""
    try:
        return pa.array(values, kind)
    except _MISFITS:  # as of a whole number that no float is equal to
        return pa.array(values).cast(kind, safe=False)
