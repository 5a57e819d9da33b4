"""Rows of files: read from any place on, whatever is wrong with some of them."""

from __future__ import annotations

import datetime
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from serving.batch import rows, sources
from serving.batch.rows import Source


def read(path: Path, skip: int = 0, medium: str = "image", **more: Any) -> list[Any]:
    """Rows as Python has them, and what is wrong with the others."""
    found: list[Any] = []
    [source] = sources.find([path], medium, "", "") if path.is_dir() else [Source(path, **more)]
    for row in rows.read(source, skip):
        try:
            found.append(str(row) if isinstance(row, Malformed) else rows.loaded(row))
        except Malformed as error:
            found.append(str(error))
    return found


def folder_of(path: Path, medium: str = "image") -> Source:
    [source] = sources.find([path], medium, "", "")
    return source


@pytest.mark.parametrize("group", [5, 1500])
@pytest.mark.parametrize("skip", [0, 3, 5, 7, 1024, 1027, 1500, 2002, 2003, 2011])
def test_a_parquet_file_is_read_from_any_row_on(tmp_path: Path, group: int, skip: int) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": range(2003)}), source, row_group_size=group)
    assert [row["n"] for row in read(source, skip)] == list(range(skip, 2003))


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_lines_are_read_from_any_place_on_and_a_bad_one_keeps_its_place(
    tmp_path: Path, skip: int
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"n": 0}\nnonsense\n{"n": 2}\n')
    found = [isinstance(row, str) or row["n"] for row in read(source, skip)]
    assert found == [0, True, 2][skip:]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"|", b"||", b"| \t|"])
def test_lines_of_every_system_are_the_same_rows(
    tmp_path: Path, mark: bytes, end: bytes, last: bytes
) -> None:
    source = tmp_path / "in.jsonl"
    texts = ["a\u2028b", "c\u0085\u2029", "\ufeffd"]  # ends of lines elsewhere, not in JSON Lines
    lines = ["{" + f'"t": "{text}"' + "}" for text in texts]
    source.write_bytes(mark + ("|" + "||".join(lines)).encode().replace(b"|", end) + last)
    if last:
        source.write_bytes(mark + ("||".join(lines).encode() + last).replace(b"|", end))
    assert [row["t"] for row in read(source)] == texts
    assert [row["t"] for row in read(source, 2)] == texts[2:]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"n": NaN}', "not valid JSON"),
        (b'{"n": -Infinity}', "not valid JSON"),
        (b'{"n": 1e999}', "not valid JSON"),
        (b'{"n": "\\ud83d"}', "not valid JSON"),
        (b'{"n": "\xff"}', "not valid JSON"),
        (b"[" * 100_003, "not valid JSON"),
        (b"[1]", "not an object"),
        ('{"n": 1}'.encode("utf-16"), "save the file as UTF-8"),
    ],
)
def test_a_line_that_is_no_row_says_why(tmp_path: Path, line: bytes, reason: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"n": 1, "n": 2}\n' + line + b'\n{"n": 18446744073709551616}\n')
    first, *bad, last = read(source)
    assert first == {"n": 2} and last == {"n": 2.0**64}
    assert len(bad) == 1 and reason in bad[0]


def test_cells_of_parquet_become_what_json_can_spell(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 2, 29, 13, 5, 7, tzinfo=datetime.UTC)
    columns = {
        "text": pa.array(["a", None], pa.large_string()),
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "half": pa.array([0.5, None], pa.float16()),
        "price": pa.array([Decimal("12.50"), Decimal("3.00")], pa.decimal128(7, 2)),
        "prices": pa.array([[Decimal("1.5")], None], pa.list_(pa.decimal128(7, 2))),
        "at": pa.array([day, None], pa.timestamp("ms", "UTC")),
        "day": pa.array([day.date(), None], pa.date32()),
        "lists": pa.array([None, [[1], None, []]], pa.list_(pa.list_(pa.int8()))),
        "file": pa.array([{"bytes": b"\xff", "path": None}, None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet", row_group_size=1)
    first, second = read(tmp_path / "in.parquet")
    assert first == {
        **{"text": "a", "kind": "x", "half": 0.5, "price": 12.5, "prices": [1.5]},
        **{"at": "2024-02-29T13:05:07+00:00", "day": "2024-02-29", "lists": None},
        "file": {"bytes": b"\xff", "path": None},
    }
    assert second["price"] == 3 and second["lists"] == [[1], None, []] and second["at"] is None


def test_a_cell_of_parquet_that_is_no_text_or_no_day_spoils_its_row_alone(tmp_path: Path) -> None:
    texts = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"\xff", b"c"]).buffers())
    days = pa.array([0, 1, 2**31 - 1], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"text": texts, "day": days}), tmp_path / "in.parquet")
    first, second, third = read(tmp_path / "in.parquet")
    assert first["text"] == "a" and first["day"] == "1970-01-01"
    assert second.startswith("text holds a value that cannot be read (")
    assert third.startswith("day holds a value that cannot be read (")
    assert read(tmp_path / "in.parquet", wanted=["text"])[2] == {"text": "c"}


def test_of_parquet_only_the_wanted_columns_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    content = {"text": ["a"] * 7, "noise": [os.urandom(1009) for _ in range(7)]}
    pq.write_table(pa.table(content), path, compression="snappy", use_dictionary=False)
    column = pq.read_metadata(path).row_group(0).column(1)
    damaged = bytearray(path.read_bytes())
    start, size = column.data_page_offset, column.total_compressed_size
    damaged[start : start + size] = bytes(size)
    path.write_bytes(damaged)
    assert read(path, wanted=["text"]) == [{"text": "a"}] * 7
    with pytest.raises(InvalidInput, match=r"in\.parquet is damaged, cut off or no Parquet file"):
        read(path)


@pytest.mark.parametrize("cut", [0, 3, 40, -9])
def test_what_is_no_whole_parquet_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": range(101)}), path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InvalidInput, match=r"in\.parquet is damaged, cut off or no Parquet file"):
        read(path)


def test_columns_of_one_name_in_parquet_are_refused(tmp_path: Path) -> None:
    columns = [pa.array([1]), pa.array([2])]
    pq.write_table(pa.Table.from_arrays(columns, names=["n", "n"]), tmp_path / "in.parquet")
    with pytest.raises(InvalidInput, match=r"two columns of .* are called 'n'; rename one"):
        read(tmp_path / "in.parquet")


def test_images_of_a_folder_come_by_name_from_any_place_on(tmp_path: Path) -> None:
    for name in ("b.png", "c.PNG", "a.jpeg", "notes.txt", "d.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    for skip in (0, 3):
        assert [row["file"] for row in read(tmp_path, skip)] == [
            "a.jpeg",
            "b.png",
            "c.PNG",
            "d.jpg",
        ][skip:]


def test_wav_files_of_a_folder_come_by_name(tmp_path: Path) -> None:
    for name in ("b.wav", "a.WAV", "c.png"):
        (tmp_path / name).write_bytes(b"RIFF" + name.encode())
    found = {row["file"]: row["audio"] for row in read(tmp_path, medium="audio")}
    assert found == {"a.WAV": b"RIFFa.WAV", "b.wav": b"RIFFb.wav"}


def test_a_file_of_a_folder_that_cannot_be_read_spoils_its_row_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "b.png").mkdir()
    (tmp_path / "c.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "d.png")
    (tmp_path / "e.png").symlink_to(tmp_path / "e.png")
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.png")).write_bytes(b"six")
    first, folder, link, pipe, loop, last = read(tmp_path)
    assert first == {"file": "a.png", "image": b"one"}
    assert folder == "the file cannot be read: Is a directory"
    assert link == "the file cannot be read: No such file or directory"
    assert pipe == "the file cannot be read: it is a pipe or a device"
    assert loop.startswith("the file cannot be read: Too many levels of symbolic links")
    assert last == {"file": "\\udcff.png", "image": b"six"}
    assert len(rows.digest(folder_of(tmp_path))) == 64


def test_a_folder_without_a_file_of_its_medium_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(InvalidInput, match=r"no file in .* is called like an image \(.*\.png"):
        folder_of(tmp_path)
    assert folder_of(tmp_path, "audio").files == (("a.wav", tmp_path / "a.wav"),)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"PAR1PAR1", "is a Parquet file"), (b"\x1f\x8b\x08", "gunzip"), (b"PK\x03\x04", "ZIP")],
)
def test_a_file_that_is_of_another_kind_is_refused(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=complaint):
        rows.check_kind(path)


def test_a_digest_changes_with_the_content_and_the_names_of_images(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"one")
    seen = {rows.digest(folder_of(folder))}
    (folder / "a.png").rename(folder / "b.png")
    seen.add(rows.digest(folder_of(folder)))
    (folder / "b.png").write_bytes(b"two")
    seen.add(rows.digest(folder_of(folder)))
    (folder / "notes.txt").write_text("not an image")
    assert len(seen) == 3 and rows.digest(folder_of(folder)) in seen
