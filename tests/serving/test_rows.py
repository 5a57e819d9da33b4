"""Rows of files: read from any place on, written whole, joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from serving import rows


@pytest.mark.parametrize("group", [5, 1500])
@pytest.mark.parametrize("skip", [0, 3, 5, 7, 1024, 1027, 1500, 2002, 2003, 2011])
def test_a_parquet_file_is_read_from_any_row_on(tmp_path: Path, group: int, skip: int) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": range(2003)}), source, row_group_size=group)
    found = [row["n"] for row in rows.read(source, skip) if not isinstance(row, Malformed)]
    assert found == list(range(skip, 2003))


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_lines_are_read_from_any_place_on_and_a_bad_one_keeps_its_place(
    tmp_path: Path, skip: int
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"n": 0}\nnonsense\n{"n": 2}\n')
    found = [isinstance(row, Malformed) or row["n"] for row in rows.read(source, skip)]
    assert found == [0, True, 2][skip:]


def test_images_of_a_folder_come_by_name_from_any_place_on(tmp_path: Path) -> None:
    for name in ("b.png", "c.PNG", "a.jpeg", "notes.txt", "d.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    for skip in (0, 3):
        found = [row["file"] for row in rows.read(tmp_path, skip) if isinstance(row, dict)]
        assert found == ["a.jpeg", "b.png", "c.PNG", "d.jpg"][skip:]


def test_a_digest_changes_with_the_content_and_the_names_of_images(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"one")
    seen = {rows.digest(folder)}
    (folder / "a.png").rename(folder / "b.png")
    seen.add(rows.digest(folder))
    (folder / "b.png").write_bytes(b"two")
    seen.add(rows.digest(folder))
    (folder / "notes.txt").write_text("not an image")
    assert len(seen) == 3 and rows.digest(folder) in seen


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_rows_that_cannot_be_written_leave_the_file_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    rows.write(path, [{"n": 1}])
    before = path.read_bytes()
    with pytest.raises((TypeError, InvalidInput)):
        rows.write(path, [{"n": 2}, {"n": object()}])
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_begun_and_not_ended_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with pytest.raises(RuntimeError), rows.Replacing(path) as unfinished:
        unfinished.write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


PARTS: list[list[dict[str, Any]]] = [
    [{"row": 0, "note": None}],
    [],
    [{"row": 2, "note": "a"}, {"row": 3, "note": "b", "map": np.arange(6.0).reshape(2, 3)}],
    [{"row": 4.5, "note": "c"}],
]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_parts_are_joined_in_order_though_some_are_empty_or_lack_columns(
    tmp_path: Path, suffix: str
) -> None:
    parts = [tmp_path / f"part-{n}{suffix}" for n in range(len(PARTS))]
    for part, content in zip(parts, PARTS, strict=True):
        rows.write(part, content)
    assert [rows.count([part]) for part in parts] == [1, 0, 2, 1] and rows.count(parts) == 4
    rows.merge(parts, tmp_path / f"out{suffix}")
    found = [row for row in rows.read(tmp_path / f"out{suffix}", 0) if isinstance(row, dict)]
    assert [row["row"] for row in found] == [0, 2, 3, 4.5]
    assert [row["note"] for row in found] == [None, "a", "b", "c"]
    assert [row.get("map") for row in found] == [None, None, [[0, 1, 2], [3, 4, 5]], None]
