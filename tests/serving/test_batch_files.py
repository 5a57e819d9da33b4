"""Batch jobs over many files: named, by a pattern, or in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from serving.batch import command as batch


def run(*arguments: object) -> int:
    return batch.main([str(each) for each in arguments])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def csv(path: Path, texts: list[str], more: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    head = f"id,text{',' + more if more else ''}\n"
    body = "".join(f"{n},{text}{',1' if more else ''}\n" for n, text in enumerate(texts))
    path.write_text(head + body, encoding="utf-8")
    return path


@pytest.fixture
def months(tmp_path: Path) -> Path:
    csv(tmp_path / "months" / "2.csv", ["a", "b", "c"])
    csv(tmp_path / "months" / "10.csv", ["a a", "b b"])
    csv(tmp_path / "months" / "3.csv", ["c c c"] * 5, more="stars")
    return tmp_path / "months"


def test_each_row_says_its_file_and_its_place_there(
    models: Path, months: Path, tmp_path: Path
) -> None:
    output = tmp_path / "o.jsonl"
    kept = ("--models", models, "--keep", "id", "--batch-size", 1)
    assert run("bigram", "score", f"{months}/*.csv", output, *kept) == 0
    found = lines(output)
    expected = [("10.csv", 2), ("2.csv", 3), ("3.csv", 5)]  # in the order of their names
    assert [(Path(each["input"]).name, each["row"], each["id"]) for each in found] == [
        (name, row, str(row)) for name, count in expected for row in range(count)
    ]
    assert [len(each["tokens"]) for each in found] == [3] * 2 + [2] * 3 + [4] * 5
    assert [each.name for each in tmp_path.glob("o.jsonl*")] == ["o.jsonl"]


def test_a_pattern_a_list_and_a_folder_are_the_same_files(
    models: Path, months: Path, tmp_path: Path
) -> None:
    names = sorted(months.iterdir(), key=str)
    for number, given in enumerate(([f"{months}/*.csv"], names, [months])):
        assert run("bigram", "score", *given, tmp_path / f"{number}.csv", "--models", models) == 0
    first, second, third = ((tmp_path / f"{n}.csv").read_bytes() for n in range(3))
    assert first == second == third


def test_one_file_by_a_pattern_is_as_that_file(models: Path, months: Path, tmp_path: Path) -> None:
    for given, output in ((months / "2.csv", "1.jsonl"), (f"{months}/2.*", "2.jsonl")):
        assert run("bigram", "score", given, tmp_path / output, "--models", models) == 0
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert "input" not in lines(tmp_path / "1.jsonl")[0]


def test_bad_rows_of_several_files_say_where_they_are(models: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text('{"text": "a"}\n{"text": 7}\n')
    given = (tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "o.jsonl")
    assert run("bigram", "score", *given, "--models", models) == 0
    bad = lines(tmp_path / "o.jsonl.errors.jsonl")
    assert [(Path(each["input"]).name, each["row"]) for each in bad] == [
        ("a.jsonl", 1),
        ("b.jsonl", 1),
    ]


def test_a_file_without_rows_among_others_is_passed_over(
    models: Path, months: Path, tmp_path: Path
) -> None:
    csv(months / "0.csv", [])
    assert run("bigram", "score", months, tmp_path / "o.parquet", "--models", models) == 0
    found = pq.read_table(tmp_path / "o.parquet")
    assert len(found) == 10 and found.schema.field("input").type == pa.string()


def test_pictures_by_a_pattern_are_rows_of_one_table(models: Path, tmp_path: Path) -> None:
    for place, shade in (("x/a.png", 13), ("y/a.png", 17), ("y/notes.txt", 0)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        picture = Image.fromarray(np.full((5, 7), shade, np.uint8))
        picture.save(tmp_path / place, "PNG")
    output = tmp_path / "o.jsonl"
    assert run("negative", "reconstruct", f"{tmp_path}/*/*.png", output, "--models", models) == 0
    found = [(Path(each["file"]).parent.name, each["error"]) for each in lines(output)]
    assert found == [("x", 13.0), ("y", 17.0)]
    assert [each["row"] for each in lines(output)] == [0, 1]


def test_a_job_over_files_goes_on_in_the_middle_of_one(
    models: Path, months: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("bigram", "score", months, tmp_path / "o.jsonl", "--models", models)
    arguments += ("--batch-size", 1)
    monkeypatch.setattr(batch, "REQUESTS", 2)  # rows of a part
    assert run(*arguments) == 0
    whole = (tmp_path / "o.jsonl").read_bytes()
    with pytest.MonkeyPatch.context() as patch:

        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("serving.batch.parts.merge", stopped)
        assert run(*arguments) == 130
    parts = sorted(tmp_path.glob("o.jsonl.parts/part-*"))
    assert [part.name[5:19] for part in parts] == [
        *("00000-00000000", "00001-00000000", "00001-00000001"),
        *("00002-00000000", "00002-00000001", "00002-00000002"),
    ]
    for part in (parts[1], parts[4]):
        part.unlink()
    (tmp_path / "o.jsonl.parts" / "end-00002.json").unlink()
    kept = {part: part.stat().st_mtime_ns for part in parts if part.exists()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.batch.parts.merge", stopped)
        assert run(*arguments) == 130
    assert all(part.stat().st_mtime_ns == then for part, then in kept.items())
    assert run(*arguments) == 0
    assert (tmp_path / "o.jsonl").read_bytes() == whole


def test_every_part_says_which_model_made_it(
    models: Path, months: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("serving.batch.parts.merge", stopped)
    for suffix in (".parquet", ".csv"):
        assert run("bigram", "score", months, tmp_path / f"o{suffix}", "--models", models) == 130
        notes = sorted(tmp_path.glob(f"o{suffix}.parts/note-*.json"))
        assert len(notes) == 3
        for note in notes:
            told = json.loads(note.read_text("utf-8"))
            assert told["made"]["model"] == "bigram" and told["bad"] == []
            assert len(told["made"]["version"]) == 12 and len(told["made"]["sha256"]) == 64
    for part in tmp_path.glob("o.parquet.parts/part-*"):
        assert json.loads(pq.read_schema(part).metadata[b"repertoire"]) == told["made"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["months/*.tsv"], "nothing is called like months/*.tsv; look at the pattern"),
        (["months/2.csv", "months/2.csv"], "months/2.csv is named twice; name it once"),
        (["months/2.csv", "x.jsonl"], "months/2.csv and x.jsonl are of different kinds"),
        (["months/2.csv", "months"], "months is a folder; name one folder alone, or files"),
        (["months/2.csv", "y.csv"], "y.csv has no column text, which months/2.csv has"),
        (["months/2.csv", "none.csv"], "there is no none.csv; name a file or a folder of files"),
        (["z"], "no file in z is called like an image"),
        (["s4://z/x.csv"], "s4://z/x.csv: nothing that is installed opens s4://"),
    ],
)
@pytest.mark.usefixtures("months")
def test_what_is_no_set_of_rows_is_refused_in_one_line(
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(models.parent)
    Path("x.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    Path("y.csv").write_text("id,note\n1,a\n", encoding="utf-8")
    Path("z").mkdir()
    assert run("bigram", "score", *given, "o.jsonl", "--models", models) == 2
    told = capsys.readouterr().err
    assert complaint in told and told.count("\n") == 1
    assert not list(Path().glob("o.jsonl*"))


def test_a_column_that_goes_on_is_of_one_type_in_all_files(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, ids in (("a", [1]), ("b", ["one"])):
        pq.write_table(pa.table({"text": ["a"], "id": ids}), tmp_path / f"{name}.parquet")
    given = (tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "o.jsonl")
    assert run("bigram", "score", *given, "--models", models) == 0
    assert run("bigram", "score", *given, "--models", models, "--keep", "id") == 2
    assert "column id is int64 in" in capsys.readouterr().err


def test_another_output_than_the_input_is_wanted_of_a_pattern_too(
    models: Path, months: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = months / "2.csv"
    before = output.read_bytes()
    assert run("bigram", "score", f"{months}/*.csv", output, "--models", models) == 2
    assert "the output is the input itself" in capsys.readouterr().err
    assert output.read_bytes() == before
