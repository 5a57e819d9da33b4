"""Batch jobs over an S3 store, on a server of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from PIL import Image

from serving.batch import command as batch
from tests.services import BUCKET, Store, s3

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Store]:
    with s3() as made:
        yield made


@pytest.fixture
def store(server: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the store, which programs find by the variables of AWS's own clients."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", **server.access)
    for each in names(client):
        client.delete_object(Bucket=BUCKET, Key=each)
    return client


def names(client: Any) -> list[str]:
    found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [each["Key"] for each in found]


def put(client: Any, name: str, content: bytes) -> None:
    client.put_object(Bucket=BUCKET, Key=name, Body=content)


def got(client: Any, name: str) -> bytes:
    content: bytes = client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
    return content


def rows(texts: list[str]) -> bytes:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def run(*arguments: object) -> int:
    return batch.main([str(each) for each in arguments])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_rows_come_from_a_store_and_go_there_as_on_a_disk(
    models: Path, tmp_path: Path, store: Any, suffix: str
) -> None:
    texts = {"1": ["a", "b b"], "2": ["c", "a c b"], "3": ["b"]}
    for name, content in texts.items():
        put(store, f"in/{name}.jsonl", rows(content))
        (tmp_path / f"{name}.jsonl").write_bytes(rows(content))
    output = f"out/scores{suffix}"
    given = ("bigram", "score", f"s3://{BUCKET}/in/*.jsonl", f"s3://{BUCKET}/{output}")
    assert run(*given, "--models", models) == 0
    here = tmp_path / f"o{suffix}"
    assert run("bigram", "score", f"{tmp_path}/?.jsonl", here, "--models", models) == 0
    found, expected = got(store, output), here.read_bytes()
    if suffix == ".parquet":
        found, expected = (pq.read_table(io.BytesIO(each)) for each in (found, expected))
        assert found.drop(["input"]).equals(expected.drop(["input"]))
    else:
        assert found == expected.replace(str(tmp_path).encode(), f"s3://{BUCKET}/in".encode())
    assert sorted(name for name in names(store) if name.startswith("out/")) == [
        output,
    ]


def test_pictures_and_columns_of_parquet_come_from_a_store(models: Path, store: Any) -> None:
    for name, shade in (("a", 13), ("b", 17)):
        Image.new("L", (7, 5), shade).save(picture := io.BytesIO(), "PNG")
        put(store, f"pictures/{name}.png", picture.getvalue())
    put(store, "pictures/c.png", b"no picture")
    output = f"s3://{BUCKET}/o.csv"
    assert (
        run("negative", "reconstruct", f"s3://{BUCKET}/pictures", output, "--models", models) == 0
    )
    assert got(store, "o.csv").count(b"\n") == 3
    [bad] = got(store, "o.csv.errors.jsonl").splitlines()
    assert json.loads(bad)["file"] == "c.png"
    pq.write_table(pq.read_table(io.BytesIO(parquet())), table := io.BytesIO())
    put(store, "in.parquet", table.getvalue())
    given = ("double", "scale", f"s3://{BUCKET}/in.parquet", f"s3://{BUCKET}/y.jsonl")
    assert run(*given, "--models", models, "--keep", "id") == 0
    first = json.loads(got(store, "y.jsonl").splitlines()[3])
    assert first["y"] == [6.0, 12.0] and first["id"] == 3


def parquet() -> bytes:
    import pyarrow as pa

    content = [{"x": [float(n), 2.0 * n], "id": n} for n in range(11)]
    pq.write_table(pa.Table.from_pylist(content), file := io.BytesIO(), row_group_size=5)
    return file.getvalue()


def test_a_job_on_a_store_that_is_killed_again_and_again_answers_every_row_once(
    models: Path, store: Any
) -> None:
    put(store, "in.jsonl", rows([" ".join("abc"[: 1 + n % 3]) for n in range(211)]))
    command = [sys.executable, "-m", "serving.batch", "bigram", "score"]
    command += [f"s3://{BUCKET}/in.jsonl", f"s3://{BUCKET}/o.jsonl"]
    command += ["--models", str(models), "--batch-size", "1"]
    kills = 0
    for _ in range(2):
        before = sum("part-" in name for name in names(store))
        job = subprocess.Popen(command, cwd=ROOT)
        while job.poll() is None:
            if sum("part-" in name for name in names(store)) >= before + 5:
                job.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        kills += job.wait() == -signal.SIGKILL
        assert "o.jsonl" not in names(store)
    assert kills == 2
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    found = [json.loads(line) for line in got(store, "o.jsonl").splitlines()]
    assert [each["row"] for each in found] == list(range(211))
    assert [len(each["tokens"]) for each in found] == [2 + n % 3 for n in range(211)]
    assert sorted(names(store)) == ["in.jsonl", "o.jsonl"]


def test_an_input_that_changed_on_the_store_is_refused(
    models: Path, store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    put(store, "in.jsonl", rows(["a"]))
    given = ("bigram", "score", f"s3://{BUCKET}/in.jsonl", f"s3://{BUCKET}/o.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.batch.parts.merge", stopped)
        assert run(*given, "--models", models) == 130
    put(store, "in.jsonl", rows(["b"]))
    assert run(*given, "--models", models) == 2
    assert "input changed since this job began" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (("s3://none-such/in.jsonl", "o.jsonl"), "there is no s3://none-such/in.jsonl"),
        (("in.jsonl", "s3://none-such/o.jsonl"), "The specified bucket does not exist"),
        ((f"s3://{BUCKET}/x/*.csv", "o.jsonl"), f"nothing is called like s3://{BUCKET}/x/*.csv"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_place_that_is_not_there_is_one_line(
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.chdir(models.parent)
    Path("in.jsonl").write_bytes(rows(["a"]))
    assert run("bigram", "score", *given, "--models", models) == 2
    told = capsys.readouterr().err
    assert complaint in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "credentials"),
    ],
)
def test_a_store_that_does_not_answer_or_knows_no_key_is_one_line(
    models: Path, tmp_path: Path, store: Any, variables: dict[str, str], complaint: str
) -> None:
    (tmp_path / "in.jsonl").write_bytes(rows(["a"]))
    command = [sys.executable, "-m", "serving.batch", "bigram", "score", str(tmp_path / "in.jsonl")]
    command += [f"s3://{BUCKET}/o.jsonl", "--models", str(models)]
    environment = {**os.environ, **variables, "AWS_EC2_METADATA_DISABLED": "true"}
    told = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 2 and complaint in told.stderr
    assert told.stderr.startswith("error: s3://") and told.stderr.count("\n") == 1
