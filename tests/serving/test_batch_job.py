"""The batch job: every row once, whatever happens."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import standins
from PIL import Image

from serving.batch import command as batch

ROOT = Path(__file__).parents[2]
WORD = {"a": 2, "b": 3, "c": 4}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_lines(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def log_prob(table: np.ndarray, text: str) -> float:
    path = [0, *(WORD[word] for word in text.split()), 0]
    return float(sum(table[last, after] for last, after in pairwise(path)))


def run(*arguments: object) -> int:
    return batch.main([str(each) for each in arguments])


def test_a_job_killed_again_and_again_answers_every_row_once(
    models: Path, tmp_path: Path, table: np.ndarray
) -> None:
    texts = [" ".join("abc"[(n * k) % 3] for k in range(1, 2 + n % 5)) for n in range(2003)]
    source = write_lines(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    output = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "serving.batch", "bigram", "score", str(source), str(output)]
    command += ["--models", str(models), "--batch-size", "2"]
    kills = 0
    for _ in range(3):
        parts = len(list(tmp_path.glob("out.jsonl.parts/part-*.jsonl")))
        job = subprocess.Popen(command, cwd=ROOT)
        while job.poll() is None:
            if len(list(tmp_path.glob("out.jsonl.parts/part-*.jsonl"))) >= parts + 3:
                job.send_signal(signal.SIGKILL)
                break
            time.sleep(0.001)
        kills += job.wait() == -signal.SIGKILL
        assert not output.exists()
    assert kills == 3
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    found = lines(output)
    assert [each["row"] for each in found] == list(range(2003))
    expected = [log_prob(table, text) for text in texts]
    assert [each["log_prob"] for each in found] == pytest.approx(expected, rel=1e-5)
    assert not list(tmp_path.glob("out.jsonl.*"))


def test_bad_rows_are_set_aside_with_their_reason(
    models: Path, tmp_path: Path, table: np.ndarray
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n{"text": 3}\nno json\n{"other": 1}\n{"text": "b c"}\n')
    output = tmp_path / "out.jsonl"
    assert run("bigram", "score", source, output, "--models", models) == 0
    assert [each["row"] for each in lines(output)] == [0, 4]
    assert lines(output)[1]["log_prob"] == pytest.approx(log_prob(table, "b c"))
    bad = {each["row"]: each["reason"] for each in lines(tmp_path / "out.jsonl.errors.jsonl")}
    assert list(bad) == [1, 2, 3]
    assert "send a text" in str(bad[1])
    assert "not valid JSON" in str(bad[2])
    assert "no text; its columns are other" in str(bad[3])


def test_a_job_with_bad_rows_only_fails_and_says_why_the_first_one_is_bad(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [[], {}])
    assert run("bigram", "score", source, tmp_path / "out.parquet", "--models", models) == 1
    told = capsys.readouterr().out
    assert "0 rows answered, 2 bad" in told
    assert told.endswith("; nothing written; of row 0: the line is JSON, but not an object\n")
    assert not (tmp_path / "out.parquet").exists()


def test_a_changed_input_is_refused_until_the_parts_are_gone(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_lines(tmp_path / "in.jsonl", [{"text": "a"}]), tmp_path / "out.jsonl"
    parts = tmp_path / "out.jsonl.parts"
    parts.mkdir()
    write_lines(parts / "job.jsonl", [{"input": "0" * 64, "model": "", "arguments": ""}])
    assert run("bigram", "score", source, output, "--models", models) == 2
    assert f"delete {parts} to start again" in capsys.readouterr().err
    (parts / "job.jsonl").unlink()
    assert run("bigram", "score", source, output, "--models", models) == 0


def test_parquet_rows_go_through_a_raw_graph(models: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    rows = [{"x": [float(n), 2.0 * n], "id": n} for n in range(37)]
    pq.write_table(pa.Table.from_pylist(rows), source, row_group_size=5)
    assert run("double", "scale", source, output, "--models", models, "--batch-size", "1") == 0
    table = pq.read_table(output)
    assert table["row"].to_pylist() == list(range(37))
    assert table["y"].to_pylist() == [[2.0 * n, 4.0 * n] for n in range(37)]


def test_a_folder_of_images_goes_through_a_reconstruction(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for shade in (13, 17):
        Image.fromarray(np.full((5, 7), shade, np.uint8)).save(folder / f"{shade}.png")
    Image.new("L", (3, 3)).save(folder / "small.png")
    assert run("negative", "reconstruct", folder, tmp_path / "o.jsonl", "--models", models) == 0
    found = [(each["file"], each["error"]) for each in lines(tmp_path / "o.jsonl")]
    assert found == [("13.png", 13.0), ("17.png", 17.0)]
    (bad,) = lines(tmp_path / "o.jsonl.errors.jsonl")
    assert "resize it to 7 x 5" in str(bad["reason"])


def test_drawn_rows_depend_on_the_seed_and_the_row_alone(models: Path, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"prompt": "w1"}] * 5)
    arguments = ("--models", models, "--set", "max_tokens=17", "--set", "seed=3")
    for name, size in (("one", 1), ("two", 5)):
        output = tmp_path / f"{name}.jsonl"
        assert run("lstm", "generate", source, output, *arguments, "--batch-size", size) == 0
    one, two = (lines(tmp_path / f"{name}.jsonl") for name in ("one", "two"))
    assert len({str(each["text"]) for each in one}) == 5
    for single, grouped in zip(one, two, strict=True):  # sums of runs of other sizes may differ
        assert single.pop("log_probs") == pytest.approx(grouped.pop("log_probs"), abs=1e-5)
        assert single == grouped


def test_a_job_takes_the_number_of_tokens_before_the_end_as_a_setting(
    models: Path, tmp_path: Path
) -> None:
    standins.bigram(models / "brief", np.log(np.array([[0.9] + [0.025] * 4] * 5)), "abc")
    source, output = write_lines(tmp_path / "in.jsonl", [{"prompt": "a"}] * 3), tmp_path / "o.jsonl"
    arguments = ("--models", models, "--set", "temperature=0", "--set", "min_tokens=5")
    assert run("brief", "generate", source, output, *arguments) == 0
    assert [len(each["tokens"]) for each in lines(output)] == [5, 5, 5]
    assert run("brief", "generate", source, output, *arguments[:4]) == 0
    assert [len(each["tokens"]) for each in lines(output)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--batch-size", value) for value in ("0", "-1", "4097", "many", "nan")]
    + [("--set", "seed"), ("--set", "=3")],
)
def test_an_option_out_of_bounds_is_refused_in_one_line(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("bigram", "score", "in.jsonl", "out.jsonl", f"{option}={value}")
    line = capsys.readouterr().err
    assert ended.value.code == 2 and len(line.splitlines()) == 1
    assert line.startswith(f"error: argument {option}: ")


def test_two_jobs_never_write_the_same_output(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    source, parts = write_lines(tmp_path / "in.jsonl", [{"text": "a"}]), tmp_path / "o.jsonl.parts"
    parts.mkdir()
    other = os.open(parts, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert run("bigram", "score", source, tmp_path / "o.jsonl", "--models", models) == 2
    assert "another process is writing" in capsys.readouterr().err
    os.close(other)


def errors(output: Path) -> list[dict[str, Any]]:
    return lines(output.with_name(f"{output.name}.errors.jsonl"))


def test_whatever_a_model_raises_sets_its_row_aside_and_the_job_ends(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repertoire.runtime.tasks import TASKS, language

    @functools.wraps(language.score)
    def answer(model: Any, run: Any, request: Any) -> Any:
        if "b" in request.text:
            raise ZeroDivisionError("by\nzero")
        return language.score(model, run, request)

    monkeypatch.setitem(TASKS, "score", dataclasses.replace(TASKS["score"], answer=answer))  # type: ignore[arg-type]
    source = write_lines(tmp_path / "in.jsonl", [{"text": text} for text in "aabac"])
    output = tmp_path / "o.jsonl"
    assert run("bigram", "score", source, output, "--models", models) == 0
    assert [each["row"] for each in lines(output)] == [0, 1, 3, 4]
    (bad,) = errors(output)
    assert bad == {
        "row": 2,
        "reason": "the model cannot answer this row (ZeroDivisionError: by zero)",
    }


def test_rows_that_cannot_be_kept_are_set_aside(models: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "o.jsonl"
    deep = '{"text": "a", "id": ' + "[" * 300 + "]" * 300 + "}\n"
    source.write_text('{"text": "a", "id": 1}\n' + deep + '{"text": "b", "id": 2}\n')
    for suffix in (".jsonl", ".csv", ".parquet"):
        output = tmp_path / f"o{suffix}"
        assert run("bigram", "score", source, output, "--models", models, "--keep", "id") == 0
        (bad,) = errors(output)
        assert bad["row"] == 1 and "cannot be written" in bad["reason"]


def test_junk_in_a_folder_of_images_is_set_aside_by_name(models: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "pictures").mkdir()
    Image.new("L", (7, 5)).save(folder / "good.png")
    (folder / "a.png").touch()
    (folder / "b.png").mkdir()
    (folder / "c.png").symlink_to("/nowhere")
    os.mkfifo(folder / "d.png")
    os.link(folder / "good.png", os.fsencode(folder) + b"/e\xff.png")
    Image.new("L", (7, 5)).save(
        folder / "f.gif", save_all=True, append_images=[Image.new("1", (7, 5))]
    )
    for suffix in (".jsonl", ".csv", ".parquet"):
        output = tmp_path / f"o{suffix}"
        assert run("negative", "reconstruct", folder, output, "--models", models) == 0
        assert [bad["file"] for bad in errors(output)] == ["a.png", "b.png", "c.png", "d.png"]
    assert [each["file"] for each in lines(tmp_path / "o.jsonl")] == [
        "e\\udcff.png",
        "f.gif",
        "good.png",
    ]


def test_a_folder_without_an_image_and_a_file_without_a_row_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder := tmp_path / "pictures").mkdir()
    (folder / "notes.txt").touch()
    assert run("negative", "reconstruct", folder, tmp_path / "o.csv", "--models", models) == 2
    assert "is called like an image (" in capsys.readouterr().err
    (tmp_path / "blank.jsonl").write_text("\n\r\n \n")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "head.csv").write_text("text\n")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    for name in ("blank.jsonl", "empty.jsonl", "head.csv", "none.parquet"):
        source = tmp_path / name
        assert run("bigram", "score", source, tmp_path / "o.csv", "--models", models) == 2
        assert f"error: {source} holds no row" in capsys.readouterr().err
    assert not list(tmp_path.glob("o.csv*"))


@pytest.mark.parametrize(
    "seed", ["abc", "-1", "1.5", "true", "[1]", '"7"', "9007199254740992", "1e99"]
)
def test_a_seed_that_is_none_is_refused_before_the_job_begins(
    models: Path, tmp_path: Path, seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"prompt": "w1"}])
    arguments = ("--models", models, "--set", f"seed={seed}", "--set", "max_tokens=3")
    assert run("lstm", "generate", source, tmp_path / "o.jsonl", *arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: seed is ") and line.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("o.")] == []


def test_no_seed_is_the_first_one_and_the_largest_goes_round(models: Path, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"prompt": "w1"}] * 3)
    arguments = ("--models", models, "--set", "max_tokens=17")
    found = {}
    for seed in ("0", "null", str(2**53 - 1)):
        output = tmp_path / f"{seed}.jsonl"
        assert run("lstm", "generate", source, output, *arguments, "--set", f"seed={seed}") == 0
        found[seed] = [each["tokens"] for each in lines(output)]
    assert found["0"] == found["null"] and found[str(2**53 - 1)][1:] == found["0"][:2]


def hugging_face(path: Path, column: pa.Array) -> Path:
    pq.write_table(pa.table({"image": column, "noise": [b"\xff"] * len(column)}), path)
    return path


def test_images_as_hugging_face_writes_them_are_read(models: Path, tmp_path: Path) -> None:
    import io

    Image.new("L", (7, 5), 13).save(file := io.BytesIO(), "PNG")
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    structs = [{"bytes": file.getvalue(), "path": "7.png"}, {"bytes": None, "path": "8.png"}, None]
    source = hugging_face(tmp_path / "in.parquet", pa.array(structs, kind))
    output = tmp_path / "o.jsonl"
    assert run("negative", "reconstruct", source, output, "--models", models) == 0
    assert [each["error"] for each in lines(output)] == [13.0]
    reasons = [bad["reason"] for bad in errors(output)]
    assert "names a file and does not hold it" in reasons[0] and "has no image" in reasons[1]


NESTED = pa.list_(pa.struct({"a": pa.list_(pa.int16())}))


def test_columns_of_parquet_that_go_on_keep_their_types(models: Path, tmp_path: Path) -> None:
    kept = {
        "n": pa.array([1, None], pa.int8()),
        "at": pa.array([1, 2], pa.timestamp("ns", "Asia/Seoul")),
        "price": pa.array(["12.50", None]).cast(pa.decimal128(7, 2)),
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "nested": pa.array([None, [{"a": [1, None]}, None]], NESTED),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
        "file": pa.array([None, "b"]),
    }
    pq.write_table(pa.table({"text": ["a", "b"], **kept}), tmp_path / "in.parquet")
    output = tmp_path / "o.parquet"
    arguments = ("--models", models, "--keep", "all")
    assert run("bigram", "score", tmp_path / "in.parquet", output, *arguments) == 0
    found = pq.read_table(output)
    for name, column in kept.items():
        plain = column.dictionary_decode() if name == "kind" else column
        assert found[name].combine_chunks() == plain, name
    arguments = ("--models", models, "--keep", "at", "--keep", "price")
    assert run("bigram", "score", tmp_path / "in.parquet", tmp_path / "o.csv", *arguments) == 0
    assert "2.50" in (tmp_path / "o.csv").read_text()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("temperature=NaN", "temperature is "),
        ("temperature=warm", "temperature is "),
        ("temperature=1e999", "temperature is "),
        ("temperature=-1", "temperature is "),
        ("max_tokens=99999999999999999999999", "max_tokens is "),
        ("max_tokens=[1]", "max_tokens is "),
        ("warmth=1", "generate has no setting warmth; there are prompt, "),
    ],
)
def test_a_setting_that_the_task_does_not_take_is_refused_before_the_job_begins(
    models: Path,
    tmp_path: Path,
    setting: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"prompt": "w1"}])
    arguments = ("--models", models, "--set", setting)
    assert run("lstm", "generate", source, tmp_path / "o.jsonl", *arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"error: {complaint}") and line.count("\n") == 1
    assert not list(tmp_path.glob("o.*"))


@pytest.mark.parametrize("name", ["in.jsonl", "./in.jsonl", "link.jsonl", "hard.jsonl"])
def test_an_output_that_is_the_input_is_refused_before_anything_is_read(
    models: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": "a"}])
    before = source.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(source)
    os.link(source, tmp_path / "hard.jsonl")
    assert run("bigram", "score", source, f"{tmp_path}/{name}", "--models", models) == 2
    assert "the output is the input itself; choose another output" in capsys.readouterr().err
    assert source.read_bytes() == before and len(list(tmp_path.glob("*.parts"))) == 0


def test_an_output_whose_files_would_touch_the_input_is_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(source: Path, output: Path, complaint: str) -> None:
        assert run("bigram", "score", source, output, "--models", models) == 2
        assert complaint in capsys.readouterr().err

    errors = write_lines(tmp_path / "o.jsonl.errors.jsonl", [{"text": "a"}])
    refused(errors, tmp_path / "o.jsonl", "which the job writes, is the input itself")
    (folder := tmp_path / "pictures").mkdir()
    Image.new("L", (7, 5)).save(folder / "a.png")
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, folder / "below", tmp_path / "link"):
        refused(folder, place / "o.jsonl", "lies in the input")
    (tmp_path / "p.jsonl.parts").mkdir()
    inside = write_lines(tmp_path / "p.jsonl.parts" / "in.jsonl", [{"text": "a"}])
    refused(inside, tmp_path / "p.jsonl", "which the job writes; move it")
    source = write_lines(tmp_path / "in.jsonl", [{"text": "a"}])
    refused(source, tmp_path / "p.jsonl", "p.jsonl.parts is no folder of this job")
    assert inside.exists()
    (tmp_path / "q.jsonl").mkdir()
    refused(source, tmp_path / "q.jsonl", "q.jsonl is a folder; move it")
    (tmp_path / "r.jsonl.parts").touch()
    refused(source, tmp_path / "r.jsonl", "r.jsonl.parts is a file; move it")
    refused(source, source / "o.jsonl", "Not a directory")
    refused(source, Path("/proc/none/o.jsonl"), "No such file or directory")


def test_a_job_that_answers_nothing_leaves_no_older_output(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_lines(tmp_path / "in.jsonl", [{"text": "a"}]), tmp_path / "o.jsonl"
    assert run("bigram", "score", source, output, "--models", models) == 0
    assert "old" not in capsys.readouterr().out
    write_lines(source, [{"text": 7}])
    assert run("bigram", "score", source, output, "--models", models) == 1
    assert "the old one is replaced" in capsys.readouterr().out and not output.exists()
    output.write_text("{}\n")
    assert run("bigram", "score", tmp_path / "none.jsonl", output, "--models", models) == 2
    assert f"{output} is still the old one" in capsys.readouterr().err and output.exists()


def test_a_full_disk_ends_the_job_in_one_line_and_it_goes_on_later(
    models: Path, tmp_path: Path
) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{"text": "a b c"}] * 101)
    output = tmp_path / "o.jsonl"
    command = [sys.executable, "-m", "serving.batch", "bigram", "score", str(source), str(output)]
    command += ["--models", str(models), "--batch-size", "1"]
    limit = ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", *command]  # KiB of a file
    full = subprocess.run(limit, cwd=ROOT, capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert full.stderr.startswith(f"error: {output}") and full.stderr.count("\n") == 1
    assert "File too large; put that right and start again" in full.stderr
    assert not output.exists() and not list(tmp_path.rglob("*.tmp"))
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert [each["row"] for each in lines(output)] == list(range(101))


def test_memory_stays_flat_at_ten_times_the_rows(models: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from serving.batch import parts\n"
        "from serving.batch.command import main\n"
        "parts.ROW_GROUP = 997\n"
        "status = main(sys.argv[1:])\n"
        "told = open('/proc/self/status').read()\n"
        "print(status, told.split('VmHWM:')[1].split()[0])"
    )
    used = []
    for count in (2_003, 20_011):
        source = tmp_path / "in.jsonl"
        source.write_text('{"text": "a b c a b c"}\n' * count)
        for suffix in (".csv", ".parquet"):
            output = tmp_path / f"o{suffix}"
            asked = ["bigram", "score", str(source), str(output), "--models", str(models)]
            told = subprocess.run(
                [sys.executable, "-c", script, *asked, "--batch-size", "64"],
                **{"cwd": ROOT, "capture_output": True, "check": True, "text": True},
            )
            status, peak = map(int, told.stdout.split()[-2:])
            assert status == 0
            used.append(peak)
    assert used[2] - used[0] < 8_000 and used[3] - used[1] < 12_000  # KiB


def test_one_thread_and_several_write_the_same_bytes(models: Path, tmp_path: Path) -> None:
    rows: list[object] = [{"text": " ".join("abc"[: 1 + n % 3])} for n in range(101)]
    rows[7] = {"text": 7}
    source = write_lines(tmp_path / "in.jsonl", rows)
    for threads in (1, 3):
        asked = ("--models", models, "--batch-size", 2, "--threads", threads)
        assert run("bigram", "score", source, tmp_path / f"{threads}.jsonl", *asked) == 0
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "3.jsonl").read_bytes()
    assert [each["row"] for each in errors(tmp_path / "1.jsonl")] == [7]
