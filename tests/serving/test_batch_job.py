"""The batch job: every row once, whatever happens."""

from __future__ import annotations

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

from serving import batch

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


def test_a_job_with_bad_rows_only_fails(models: Path, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.jsonl", [{}, []])
    assert run("bigram", "score", source, tmp_path / "out.parquet", "--models", models) == 1
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
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert len({str(each["text"]) for each in lines(tmp_path / "one.jsonl")}) == 5


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
    [("--batch-size", value) for value in ("0", "-1", "257", "many", "nan")]
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
