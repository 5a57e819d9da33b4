"""What the batch job is compared with: a plain loop with the same answers, over files drawn."""

import subprocess
import sys

import orjson
import pyarrow.parquet as pq
import pytest

from pipelines.speed import plain_batch
from pipelines.speed.batch import Spent, dates, pictures, prompts, spent
from serving.batch import command
from tests.serving import standins


def test_a_plain_loop_writes_what_the_job_writes(tmp_path):
    standins.mirror(tmp_path / "models/mirror")
    source = tmp_path / "in.jsonl"
    texts = [" ".join("abc"[n % 3] for n in range(length % 7)) for length in range(71)]
    source.write_bytes(b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts))
    job, plain = tmp_path / "job.jsonl", tmp_path / "plain.jsonl"
    asked = ["mirror", "translate", str(source), str(job), "--models", str(tmp_path / "models")]
    assert command.main(asked) == 0
    plain_batch.main(["translate", str(tmp_path / "models/mirror"), str(source), str(plain)])
    assert plain.read_bytes() == job.read_bytes()


def test_a_plain_loop_reconstructs_what_the_job_reconstructs(tmp_path):
    folder = tmp_path / "models/negative"
    standins.negative(folder)
    source, job, plain = (tmp_path / f"{name}.parquet" for name in ("in", "job", "plain"))
    pictures(folder, source, 67)
    asked = ["negative", "reconstruct", str(source), str(job), "--models", str(folder.parent)]
    assert command.main(asked) == 0
    plain_batch.main(["reconstruct", str(folder), str(source), str(plain)])
    assert pq.read_table(plain).to_pylist() == pq.read_table(job).to_pylist()


def test_rows_are_drawn_alike_each_time_and_the_short_run_has_the_first_of_them(tmp_path):
    standins.lstm(tmp_path / "lstm", words=23, width=5)
    for make in (dates, prompts):
        many, few = tmp_path / "many.jsonl", tmp_path / "few.jsonl"
        make(tmp_path / "lstm", many, 53)
        make(tmp_path / "lstm", few, 7)
        assert len(many.read_bytes().splitlines()) == 53
        assert many.read_bytes().splitlines()[:7] == few.read_bytes().splitlines()


def test_time_is_that_of_the_process_and_of_those_it_starts(tmp_path):
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    command = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    found = spent([sys.executable, "-c", command], tmp_path / "log")
    assert found.cpu >= 0.3 and found.less(Spent(0.1, 0.2)).cpu == pytest.approx(found.cpu - 0.1)
    with pytest.raises(subprocess.CalledProcessError):
        spent([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
