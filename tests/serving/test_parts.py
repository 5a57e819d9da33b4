"""Files of answers: written whole or not at all, and joined whatever the rows hold."""

from __future__ import annotations

import datetime
import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.batch import parts, places, rows
from serving.batch.rows import Source

MADE = {"model": "bigram", "version": "3", "sha256": "0" * 64}


def write(path: Path, content: list[dict[str, Any]], types: parts.Types | None = None) -> None:
    known = types or {}
    spelled, wrong = parts.spelled(content, known, path.suffix)
    assert not wrong
    parts.write(path, spelled, MADE)


def joined(
    tmp_path: Path, suffix: str, contents: list[list[dict[str, Any]]], **types: Any
) -> list[Any]:
    """The rows of a file of several parts."""
    files = [tmp_path / f"part-{n}{suffix}" for n in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        write(file, content, types)
    parts.merge(files, tmp_path / f"out{suffix}", MADE, ())
    found = rows.read(Source(tmp_path / f"out{suffix}"), 0)
    return [rows.loaded(row) for row in found if isinstance(row, dict)]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_parts_are_joined_in_order_though_some_are_empty_or_lack_columns(
    tmp_path: Path, suffix: str
) -> None:
    pixels = np.arange(6.0).reshape(2, 3)
    found = joined(
        tmp_path,
        suffix,
        [
            [{"row": 0, "note": None}],
            [],
            [{"row": 2, "note": "a"}, {"row": 3, "note": "b", "map": pixels}],
            [{"row": 4.5, "note": "c"}],
        ],
    )
    assert [row["row"] for row in found] == [0, 2, 3, 4.5]
    assert [row["note"] for row in found] == [None, "a", "b", "c"]
    assert [row.get("map") for row in found] == [None, None, pixels.tolist(), None]


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ([1, None], [2.5], pa.float64()),
        ([2**60], [2.5], pa.float64()),
        ([None], [[1]], pa.list_(pa.int64())),
        ([[]], [[{"n": "x"}]], pa.list_(pa.struct({"n": pa.string()}))),
        ([{"a": 1}], [{"b": 2.5}], pa.struct({"a": pa.int64(), "b": pa.float64()})),
        ([1], ["x"], pa.string()),
        (["x"], [[1]], pa.string()),
        ([True], [1], pa.string()),
        ([{}], [{}], pa.string()),
        ([[{}]], [], pa.string()),
        ([2**64 - 1], [-1], pa.string()),
    ],
)
def test_a_column_has_a_type_that_holds_all_of_its_values(
    tmp_path: Path, first: list[Any], second: list[Any], kind: pa.DataType
) -> None:
    contents = [[{"v": value} for value in each] for each in (first, second)]
    found = joined(tmp_path, ".parquet", contents)
    assert pq.read_schema(tmp_path / "out.parquet").field("v").type == kind
    assert len(found) == len(first) + len(second)
    if kind == pa.string():
        assert all(isinstance(row["v"], str) for row in found)


def test_a_type_that_is_known_beforehand_is_kept(tmp_path: Path) -> None:
    kinds = {"n": pa.int8(), "at": pa.timestamp("ns"), "names": pa.list_(pa.string())}
    moment = pa.scalar(1, pa.timestamp("ns"))
    content: list[list[dict[str, Any]]] = [[{"n": None}], [{"n": 3, "at": moment, "names": []}]]
    joined(tmp_path, ".parquet", content, **kinds)
    table = pq.read_table(tmp_path / "out.parquet")
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == kinds
    assert table["at"].cast(pa.int64()).to_pylist() == [None, 1]


def test_what_json_has_no_type_for_is_spelled(tmp_path: Path) -> None:
    moment = pa.scalar(datetime.datetime(2024, 2, 29), pa.timestamp("us"))
    price = pa.scalar("12.50").cast(pa.decimal128(7, 2))
    row = {"at": moment, "price": price, "raw": pa.scalar(b"\xff"), "none": pa.scalar(None)}
    (found,) = joined(tmp_path, ".jsonl", [[row]])
    assert found == {
        "at": "2024-02-29 00:00:00.000000",
        "price": "12.50",
        "raw": "/w==",
        "none": None,
    }


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("value", [object(), "\ud800", 10**400])
@pytest.mark.parametrize("types", [{}, {"n": pa.string()}])
def test_a_row_that_cannot_be_written_is_set_aside_from_the_others(
    tmp_path: Path, suffix: str, value: Any, types: dict[str, pa.DataType]
) -> None:
    content, wrong = parts.spelled([{"n": "a"}, {"n": value}, {"n": "b"}], types, suffix)
    assert list(wrong) == [1] and wrong[1].startswith("the row's answer cannot be written (")
    path = tmp_path / f"out{suffix}"
    parts.write(path, content, MADE)
    parts.merge([path], path, MADE, ())
    assert [rows.loaded(row) for row in rows.read(Source(path), 0)] == [{"n": "a"}, {"n": "b"}]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"out{suffix}"
    write(path, [{"n": 1}])
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(places.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, [{"n": 2}])
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_begun_and_not_ended_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError), places.writing(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_file_of_parquet_says_how_it_was_made(tmp_path: Path) -> None:
    joined(tmp_path, ".parquet", [[{"n": 2}], [{"n": 3}]])
    for name in ("part-0.parquet", "part-1.parquet", "out.parquet"):
        told = json.loads(pq.read_schema(tmp_path / name).metadata[b"repertoire"])
        assert told == MADE


def test_parts_are_joined_into_row_groups_that_are_worth_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "ROW_GROUP", 11)
    joined(tmp_path, ".parquet", [[{"n": n}] * 5 for n in range(7)])
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [15, 15, 5]
