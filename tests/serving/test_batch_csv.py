"""Batch jobs over anybody's CSV files, and the columns that they take, keep and write."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from serving.batch import columns, csv_files, parts, rows
from serving.batch import command as batch
from serving.batch.rows import Source

ROOT = Path(__file__).parents[2]


LINES = {".jsonl": {"orient": "records", "lines": True}}


def run(*arguments: object) -> int:
    return batch.main([str(each) for each in arguments])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def write_lines(path: Path, content: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")


def cells(path: Path) -> list[dict[str, str]]:
    """As the standard library reads a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path: Path, **given: str) -> list[Any]:
    """The values of each row, or in its place what is wrong with it."""
    form = csv_files.dialect(path, **given)
    found = rows.read(Source(path, form), 0)
    return [str(row) if isinstance(row, Malformed) else list(row.values()) for row in found]


def written(tmp_path: Path, content: bytes, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


TABLE = 'name;text\nÄnne;"schön; \u201eja\u201c"\n한국;a\u2028b\u0085c\n;""\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_every_encoding_line_end_and_delimiter_gives_the_same_rows(
    tmp_path: Path, encoding: str, end: str, delimiter: str
) -> None:
    text = TABLE.replace("; ", "\0").replace(";", delimiter).replace("\0", "; ").replace("\n", end)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = written(tmp_path, (mark + text).encode(encoding))
    assert csv_files.dialect(path).names == ("name", "text")
    assert csv_files.dialect(path).delimiter == delimiter
    expected = [["Änne", "schön; \u201eja\u201c"], ["한국", "a\u2028b\u0085c"], [None, ""]]
    assert read(path) == expected


def test_line_breaks_and_marks_within_quotes_stay_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, b'\n\na,b\r\n"x\r\ny","say ""no"", 5"" disk"\r\n\r\n5" disk,\'7\'\r\n')
    assert read(path) == [["x\r\ny", 'say "no", 5" disk'], ['5" disk', "'7'"]]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "text;label\nschön — für Anne;gut\nÄrger über Öl…;schlecht\n"),
        ("cp949", "글,분류\n좋은 영화입니다 정말로,긍정\n나쁜 영화 재미없다,부정\n"),
    ],
)
def test_other_encodings_are_told_or_given(tmp_path: Path, encoding: str, text: str) -> None:
    path = written(tmp_path, text.encode(encoding))
    sign = ";" if ";" in text else ","
    expected = [line.split(sign) for line in text.split("\n")[1:-1]]
    assert read(path) == read(path, encoding=encoding) == expected
    assert csv_files.dialect(path).encoding == encoding


def test_without_charset_normalizer_an_encoding_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    path = written(tmp_path, "a\nschön\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"in\.csv is not UTF-8; .* --encoding cp1252"):
        read(path)
    assert read(path, encoding="latin-1") == [["schön"]]
    assert read(written(tmp_path, "a\nschön\n".encode())) == [["schön"]]


def test_a_row_that_is_none_is_an_error_in_its_place(tmp_path: Path) -> None:
    wide = "".join(f"{n},x\n" if n % 5 else f"{n}\n" for n in range(37))
    found = read(written(tmp_path, f"a,b\n{wide}".encode()))
    reason = "the row has 1 cells, the header 2"
    assert found == [[str(n), "x"] if n % 5 else reason for n in range(37)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11])
def test_a_file_of_many_blocks_keeps_the_order_of_rows_and_errors(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "LARGEST_ROW", 17 * size)
    wide = "".join(f'{n},"x\n{n}"\n' if n % 5 else f"{n}\n" for n in range(211))
    path = written(tmp_path, f"a,b\n{wide}".encode())
    found = read(path)
    assert [row[0] for row in found if isinstance(row, list)] == [
        str(n) for n in range(211) if n % 5
    ]
    assert [isinstance(row, str) for row in found] == [n % 5 == 0 for n in range(211)]
    form = csv_files.dialect(path)
    for skip in (0, 1, 5, 10, 210, 211, 223):
        assert len(list(rows.read(Source(path, form), skip))) == max(0, 211 - skip)


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (b"a,b\n1,\xe4\xf6\n2,ok\n", "utf-8", "the row is not UTF-8"),
        ("a,b\n1,\ud800x\n2,ok\n".encode("utf-16", "surrogatepass"), "", "the row is not UTF-16"),
        ("a,b\n1,글\n".encode("cp949") + b"1,\xff\xff\n2,ok\n", "cp949", "the row is not CP949"),
    ],
)
def test_bytes_that_are_no_text_spoil_their_row_alone(
    tmp_path: Path, content: bytes, encoding: str, reason: str
) -> None:
    *_, bad, good = read(written(tmp_path, content), encoding=encoding)
    assert bad.startswith(reason) and good == ["2", "ok"]


def test_a_quotation_mark_that_is_never_closed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, b'a,b\n1,x\n2,"y\n3,z\n')
    first, second = read(path)
    assert first == ["1", "x"] and "never closed" in second
    assert read(written(tmp_path, b'a,b\n1,x\n2,"y\n3,z"\n\n')) == [["1", "x"], ["2", "y\n3,z"]]
    monkeypatch.setattr(csv_files, "LARGEST_ROW", 1009)
    path = written(tmp_path, b'a,b\n1,x\n2,"y\n' + b"3,z\n" * 2003)
    with pytest.raises(InvalidInput, match=r"in\.csv: after 1 rows, one is longer than"):
        read(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; it needs a header and rows"),
        (b"\xef\xbb\xbf\r\n\r\n", "is empty; it needs a header and rows"),
        (b"text,id, text\n1,2,3\n", "two columns of .* are called 'text'; rename one"),
    ],
)
def test_a_file_without_a_clear_header_is_refused(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        csv_files.dialect(written(tmp_path, content))


def test_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    assert csv_files.dialect(written(tmp_path, b",text,\n0,a,\n")).names == (
        "column_1",
        "text",
        "column_3",
    )


VALUES: list[dict[str, Any]] = [
    {"row": 0, "text": 'a "quoted", text', "n": 0.1, "list": ["x", 'y"'], "flag": True},
    {"row": 2, "text": "two\r\nlines\u2028", "n": None, "list": [], "id": "007"},
    {"row": 3, "text": "", "n": 1e-7, "list": {"더": 1}, "id": None},
    {"row": 5, "text": None, "n": 3, "id": " spaced "},
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_what_is_written_reads_back_equal(tmp_path: Path, suffix: str) -> None:
    kept = [tmp_path / f"part-{n}.jsonl" for n in range(2)]
    for part, content in zip(kept, (VALUES[:1], VALUES[1:]), strict=True):
        write_lines(part, content)
    names = list(dict.fromkeys(name for row in VALUES for name in row))
    parts.merge(kept, path := tmp_path / f"out{suffix}", {}, names)
    found = list(rows.read(Source(path, csv_files.dialect(path)), 0))
    assert [row["text"] for row in found] == [row["text"] for row in VALUES]
    assert [row["id"] for row in found] == [None, "007", None, " spaced "]
    assert [row["list"] and json.loads(row["list"]) for row in found] == [
        row.get("list") for row in VALUES
    ]
    frame = pd.read_csv(path, sep="\t" if suffix == ".tsv" else ",")
    assert frame["row"].to_list() == [0, 2, 3, 5]
    assert frame["n"].fillna(-1).to_list() == [0.1, -1, 1e-7, 3]
    assert list(frame) == ["row", "text", "n", "list", "flag", "id"]


def test_a_csv_of_the_user_goes_through_a_task_and_keeps_its_columns(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(
        tmp_path, 'id;review;date\r\n007;"a b";2020-01-02\r\n008\r\n009;c;\r\n'.encode("utf-16")
    )
    output, jsonl = tmp_path / "out.csv", tmp_path / "out.jsonl"
    arguments = ("--models", models, "--column", "text=review", "--keep", "id", "--keep", "d=date")
    assert run("bigram", "score", source, output, *arguments) == 0
    told = capsys.readouterr().out.split("\n")
    assert told[0] == f"{source}: UTF-16, semicolon between cells; 3 columns: id, review, date"
    assert told[1] == "text: the column review"
    assert told[2] == f"2 rows answered, 1 bad (see {output}.errors.jsonl); {output}"
    assert run("bigram", "score", source, jsonl, *arguments) == 0
    found, plain = cells(output), lines(jsonl)
    assert [(row["row"], row["id"], row["d"]) for row in found] == [
        ("0", "007", "2020-01-02"),
        ("2", "009", ""),
    ]
    assert [row["d"] for row in plain] == ["2020-01-02", None]
    assert [json.loads(row["tokens"]) for row in found] == [row["tokens"] for row in plain]
    assert [float(row["log_prob"]) for row in found] == [row["log_prob"] for row in plain]
    (bad,) = lines(tmp_path / "out.csv.errors.jsonl")
    assert bad == {"row": 1, "reason": "the row has 1 cells, the header 3"}


@pytest.mark.parametrize(
    ("names", "rows_of_file", "encoding", "expected"),
    [
        ("text,title", "a,b c", {}, ""),
        ("title,body", "b,a", {"column": "body"}, "text: the column body, as in the training data"),
        ("stars,review", "3,a\n4.5,b", {}, "text: the column review, the only one of texts"),
        ("stars,review", "3,\n,", {}, None),
        ("title,body", "b,a", {}, None),
    ],
)
def test_the_column_of_texts_is_told_where_it_is_plain(
    tmp_path: Path, names: str, rows_of_file: str, encoding: dict[str, str], expected: str | None
) -> None:
    from repertoire.runtime.tasks import TASKS

    path = written(tmp_path, f"{names}\n{rows_of_file}\n".encode())
    form = csv_files.dialect(path)
    known = [row for row in rows.read(Source(path, form), 0) if isinstance(row, dict)]
    head = columns.Head(path, form.names, known, spelled=True)
    model: Any = SimpleNamespace(manifest=SimpleNamespace(encodings={"text": encoding}))
    if expected is None:
        with pytest.raises(InvalidInput, match=r"no column text; its columns are .*--column text="):
            columns.of_task(head, model, TASKS["score"], {}, {})
        return
    taken = columns.of_task(head, model, TASKS["score"], {}, {})
    assert taken.line == expected and taken.take(known[0])["text"] == "a"


def test_a_text_that_looks_like_a_number_or_a_list_stays_a_text(
    models: Path, tmp_path: Path
) -> None:
    source = written(tmp_path, b'text\n12\n"[""a""]"\nnull\n')
    assert run("bigram", "score", source, tmp_path / "o.jsonl", "--models", models) == 0
    assert [row["tokens"] for row in lines(tmp_path / "o.jsonl")] == [["<unk>", "<eos>"]] * 3


def test_lists_in_cells_fill_the_inputs_of_a_graph(models: Path, tmp_path: Path) -> None:
    source = written(tmp_path, b'id,features\na,"[1, 2.5]"\nb,"[3, 4, 5]"\nc,5\n')
    arguments = ("--models", models, "--column", "x=features", "--keep", "all")
    assert run("double", "scale", source, tmp_path / "o.csv", *arguments) == 0
    found = cells(tmp_path / "o.csv")
    assert [json.loads(row["y"]) for row in found] == [[2, 5], [6, 8, 10]]
    assert [row["id"] for row in found] == ["a", "b"]
    assert [row["features"] for row in found] == ["[1, 2.5]", "[3, 4, 5]"]


def test_further_fields_of_a_task_come_from_columns_of_the_row(
    models: Path, tmp_path: Path
) -> None:
    source = written(tmp_path, b"begin,how many\nw1,3\nw2,5\nw3,\n")
    mapped = ("--column", "prompt=begin", "--column", "max_tokens=how many")
    mapped += ("--column", "min_tokens=how many")
    arguments = ("--models", models, *mapped, "--set", "max_tokens=2", "--set", "min_tokens=2")
    assert run("lstm", "generate", source, tmp_path / "o.jsonl", *arguments) == 0
    assert [len(row["tokens"]) for row in lines(tmp_path / "o.jsonl")] == [3, 5, 2]


def test_a_column_is_found_in_any_form_of_its_letters(models: Path, tmp_path: Path) -> None:
    source = written(tmp_path, "Größe,begin\n3,w1\n".encode())
    arguments = ("--models", models, "--column", "prompt=BEGIN", "--keep", "size=GRO\u0308SSE")
    assert run("lstm", "generate", source, tmp_path / "o.jsonl", *arguments) == 0
    [row] = lines(tmp_path / "o.jsonl")
    assert row["size"] == "3"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--column", "text=reviw"), "has no column reviw; did you mean review; its columns are"),
        (
            ("--column", "text=review", "--keep", "idd"),
            "has no column idd; did you mean id; its columns are id, review, row",
        ),
        (("--column", "text=review", "--keep", "row"), "--keep NAME=row"),
        (("--column", "text=review", "--keep", "tokens=id"), "--keep NAME=id"),
        (("--column", "text=review", "--keep", "all"), "--keep NAME=row"),
        (("--column", "text=review", "--column", "seed=id"), "takes text, not seed"),
        (("--encoding", "foo"), "no encoding 'foo'"),
    ],
)
def test_columns_that_are_not_there_or_collide_are_refused_in_one_line(
    models: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = written(tmp_path, b"id,review,row\n7,a,x\n")
    output = tmp_path / "out.csv"
    assert run("bigram", "score", source, output, "--models", models, *arguments) == 2
    line = capsys.readouterr().err
    assert complaint in line and line.count("\n") == 1
    assert sorted(path.name for path in tmp_path.glob("out*")) == []


def test_all_columns_go_on_under_names_that_are_free(models: Path, tmp_path: Path) -> None:
    source = written(tmp_path, b"id,text,row\n7,a,x\n")
    arguments = ("--models", models, "--keep", "all", "--keep", "their_row=row")
    assert run("bigram", "score", source, tmp_path / "o.csv", *arguments) == 0
    (found,) = cells(tmp_path / "o.csv")
    assert (found["row"], found["their_row"], found["id"], found["text"]) == ("0", "x", "7", "a")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_other_formats_take_and_keep_columns_too(
    models: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / f"in{suffix}", tmp_path / "out.parquet"
    content = [{"id": n, "review": word, "stars": 5} for n, word in enumerate("abc")]
    write = {".jsonl": pd.DataFrame.to_json, ".parquet": pd.DataFrame.to_parquet}[suffix]
    write(pd.DataFrame(content), source, **LINES.get(suffix, {}))
    arguments = ("--models", models, "--keep", "id", "--keep", "stars")
    assert run("bigram", "score", source, output, *arguments) == 0
    assert "text: the column review, the only one of texts" in capsys.readouterr().out
    table = pq.read_table(output)
    assert table["id"].to_pylist() == [0, 1, 2] and table["stars"].type == pa.int64()
    assert run("bigram", "score", source, output, *arguments, "--delimiter", "tab") == 2
    assert "is no CSV file" in capsys.readouterr().err


def test_kept_values_of_several_types_become_text_in_parquet(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    ids = [7, "seven", [7], {"n": 7}, None, 7.5]
    write_lines(source, [{"text": "a", "id": each} for each in ids])
    arguments = ("--models", models, "--keep", "id", "--batch-size", "1")
    assert run("bigram", "score", source, tmp_path / "o.parquet", *arguments) == 0
    found = pq.read_table(tmp_path / "o.parquet")["id"]
    assert found.type == pa.string()
    assert found.to_pylist() == ["7", "seven", "[7]", '{"n":7}', None, "7.5"]
    assert run("bigram", "score", source, tmp_path / "o.csv", *arguments) == 0
    assert [row["id"] for row in cells(tmp_path / "o.csv")][:2] == ["7", "seven"]


def test_a_job_over_csv_goes_on_after_its_last_whole_part(models: Path, tmp_path: Path) -> None:
    text = "".join("a b\n" if n % 7 else '"c\nc",1\n' for n in range(29))
    source, output = written(tmp_path, f"text\n{text}".encode()), tmp_path / "o.csv"
    arguments = ("--models", models, "--batch-size", "1")
    assert run("bigram", "score", source, output, *arguments) == 0
    whole = output.read_bytes(), (tmp_path / "o.csv.errors.jsonl").read_bytes()
    merge, calls = parts.merge, []

    def stopped(*given: Any) -> None:
        calls.append(given)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "merge", stopped)
        assert run("bigram", "score", source, output, *arguments) == 130
    kept = sorted(tmp_path.glob("o.csv.parts/part-*.jsonl"))
    assert len(kept) == 8 and parts.merge is merge
    for part in kept[3:]:
        part.unlink()
    assert run("bigram", "score", source, output, *arguments) == 0
    assert (output.read_bytes(), (tmp_path / "o.csv.errors.jsonl").read_bytes()) == whole


def test_memory_stays_flat_however_long_the_file_is(models: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from serving.batch import csv_files, rows\n"
        "from pathlib import Path\n"
        "csv_files.LARGEST_ROW = 2**16\n"
        "path = Path(sys.argv[1]); form = csv_files.dialect(path)\n"
        "n = sum(1 for _ in rows.read(rows.Source(path, form), 0))\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(n, peak)"
    )
    used = []
    for count in (50_021, 500_009):
        source = written(tmp_path, b"id,text\n" + b"1,some words that are here\n" * count)
        told = subprocess.run(
            [sys.executable, "-c", script, source], cwd=ROOT, capture_output=True, check=True
        )
        number, peak = map(int, told.stdout.split())
        assert number == count
        used.append(peak)
    assert used[1] - used[0] < 2_000  # KiB; the file is 11 MiB longer


def test_a_folder_of_images_has_no_columns_to_keep(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder := tmp_path / "images").mkdir()
    (folder / "a.png").touch()
    arguments = ("--models", models, "--keep", "all")
    assert run("negative", "reconstruct", folder, tmp_path / "o.csv", *arguments) == 2
    assert "it has no columns to keep" in capsys.readouterr().err
