"""Batch jobs on Ray: a cluster of two nodes on this machine, one of which is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput
from serving.batch import command as batch
from serving.batch import on_ray
from serving.batch.columns import Kept
from serving.batch.job import Job

ROOT = Path(__file__).parents[2]
ROWS, REQUEST = 1511, 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of two processors each; a lost one is noticed within seconds."""
    from ray.cluster_utils import Cluster

    quickly = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500}
    settings = {**quickly, "health_check_failure_threshold": 2}
    found = Cluster()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
        found.add_node(num_cpus=2, include_dashboard=False, _system_config=settings)
        yield found
        found.shutdown()


def run(*arguments: object) -> int:
    return batch.main([str(each) for each in arguments])


def command(models: Path, source: Path, output: Path, *more: str) -> list[str]:
    asked = [sys.executable, "-m", "serving.batch", "bigram", "score", str(source), str(output)]
    return [*asked, "--models", str(models), "--batch-size", str(REQUEST), *more]


def parts(output: Path) -> int:
    return len(list(output.parent.glob(f"{output.name}.parts/part-*")))


def test_two_nodes_answer_every_row_once_though_one_is_lost_and_as_one_process_does(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    texts = [" ".join("abc"[(n * k) % 3] for k in range(1, 2 + n % 5)) for n in range(ROWS)]
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": range(ROWS), "text": texts}), source, row_group_size=101)
    alone, output = tmp_path / "alone.jsonl", tmp_path / "o.jsonl"
    assert (
        subprocess.run([*command(models, source, alone, "--keep", "id")], cwd=ROOT).returncode == 0
    )
    second = cluster.add_node(num_cpus=2)
    on_two = ("--keep", "id", "--engine", "ray", "--address", cluster.address, "--workers", "2")
    job = subprocess.Popen(
        command(models, source, output, *on_two), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    while job.poll() is None and parts(output) < 11:
        time.sleep(0.005)
    assert job.poll() is None and not output.exists()
    cluster.remove_node(second, allow_graceful=False)
    cluster.add_node(num_cpus=2)
    told, _ = job.communicate(timeout=120)
    assert job.returncode == 0 and f"{ROWS} rows answered" in told
    assert "answered on 2 nodes" in told
    assert output.read_bytes() == alone.read_bytes()
    assert [json.loads(line)["id"] for line in output.open()] == list(range(ROWS))


def test_a_killed_job_goes_on_where_it_was_with_or_without_a_cluster(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "o.csv"
    source.write_text("text\n" + "a b c\n" * ROWS)
    on_ray_ = ("--engine", "ray", "--address", cluster.address, "--workers", "1")
    job = subprocess.Popen(command(models, source, output, *on_ray_), cwd=ROOT)
    while job.poll() is None and parts(output) < 7:
        time.sleep(0.005)
    job.kill()
    assert job.wait() == -9 and not output.exists()
    until = time.monotonic() + 30  # its last workers end by themselves
    while (before := parts(output)) and time.monotonic() < until:
        time.sleep(1)
        if parts(output) == before:
            break
    done = subprocess.run(command(models, source, output), cwd=ROOT)
    assert done.returncode == 0
    rows = output.read_text("utf-8").splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == list(range(ROWS))


def test_a_model_that_cannot_be_opened_on_a_node_is_one_line(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n')
    for graph in models.glob("bigram/**/*.onnx"):
        graph.write_bytes(graph.read_bytes()[:-7])
    asked = ("--engine", "ray", "--address", cluster.address)
    told = subprocess.run(
        command(models, source, tmp_path / "o.jsonl", *asked),
        **{"cwd": ROOT, "capture_output": True, "text": True, "check": False},
    )
    assert told.returncode == 2
    assert "is not what the manifest names (sha256); export again" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_cluster_that_is_not_there_is_one_line(models: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n')
    asked = ("--engine", "ray", "--address", "127.0.0.1:9")
    told = subprocess.run(
        command(models, source, tmp_path / "o.jsonl", *asked),
        **{"cwd": ROOT, "capture_output": True, "text": True, "check": False},
    )
    assert told.returncode == 2
    assert "error: no Ray cluster at 127.0.0.1:9" in told.stderr
    assert not list(tmp_path.glob("o.jsonl*"))


def test_options_of_ray_are_refused_without_it(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("bigram", "score", "in.jsonl", "o.jsonl", "--workers", "2")
    assert "--address and --workers are of --engine ray" in capsys.readouterr().err


def test_a_node_that_does_not_see_the_parts_says_what_to_do(tmp_path: Path) -> None:
    job = Job([], tmp_path / "o.jsonl", 7, {"input": "x"}, {}, Kept({}, every=False), {})
    with pytest.raises(InvalidInput, match="write to a shared folder, or to a store"):
        on_ray._check_seen(job)
    job.folder.mkdir()
    job.journal.write_text('{"input": "y"}')
    with pytest.raises(InvalidInput, match="not every node sees"):
        on_ray._check_seen(job)
    job.journal.write_text('{"input": "x"}')
    on_ray._check_seen(job)


def test_the_class_that_the_documentation_shows_scores_in_a_plain_map_batches(
    cluster: Any, stock: Path
) -> None:
    import ray

    page = (ROOT / "docs" / "batch.md").read_text("utf-8")
    shown: dict[str, Any] = {"__name__": "__main__"}  # so that its class goes to actors by value
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    ray.init(cluster.address, log_to_driver=False, logging_level="critical")
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        rows = ray.data.from_items([{"text": text} for text in ("a", "b c", "a")])
        scored = rows.map_batches(
            shown["Score"],
            fn_constructor_args=(str(stock / "bigram"),),
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        found = {row["text"]: row["log_prob"] for row in scored.take_all()}
    finally:
        ray.shutdown()
    one, other = load(stock / "bigram").score(["a", "b c"])
    assert found == pytest.approx({"a": one["log_prob"], "b c": other["log_prob"]})
