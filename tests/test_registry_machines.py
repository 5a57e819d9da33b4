"""Several machines and one server: PostgreSQL behind MLflow, artifacts in an S3 store."""

import json
import os
import time
from types import SimpleNamespace

import boto3
import pytest
from mlflow import MlflowClient

from tests import warmed
from tests.evaluated import checkout, evaluate
from tests.project import ROOT
from tests.services import BUCKET, Tracking, postgresql, s3

MACHINES = 4
VALUES = (61.0, 67.0, 71.0, 73.0)
# Registers, and stops before a method of the client until a file says that it may go on.
STOPPING = """
import sys
import time
from pathlib import Path

from mlflow import MlflowClient

from pipelines.register import register
from pipelines.stage import run_stage

method, name = sys.argv.pop(), sys.argv.pop()
original = getattr(MlflowClient, method)


def stopping(*arguments, **more):
    Path("stopped").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return original(*arguments, **more)


setattr(MlflowClient, method, stopping)
run_stage("register", lambda: register(name))
"""


@pytest.fixture(scope="module")
def tracking():
    """The server, and the S3 store behind it, to which its clients have no key."""
    with postgresql() as database, s3() as store:
        server = Tracking(database, store)
        try:
            yield SimpleNamespace(server=server, store=store)
        finally:
            server.kill()


@pytest.fixture
def client(tracking):
    return MlflowClient(tracking_uri=tracking.server.uri, registry_uri=tracking.server.uri)


def start(tracking, place, *words):
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "MLFLOW_TRACKING_URI": tracking.server.uri,
    }
    return warmed.Command(place, environment, words)


def register_at_once(tracking, folder, name, values):
    """One checkout for each value, which all register the same recipe at the same time."""
    places = [checkout(folder / str(n), (name,)) for n in range(len(values))]
    for place, value in zip(places, values, strict=True):
        evaluate(place, name, value)
    machines = [start(tracking, place, "-m", "pipelines.register", name) for place in places]
    said = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [0] * len(values), "\n".join(
        map("".join, said)
    )
    return [json.loads((place / "registrations.json").read_text())[name] for place in places]


def active_runs(client, name):
    experiment = client.get_experiment_by_name("repertoire").experiment_id
    return client.search_runs([experiment], f"attributes.run_name = '{name}'")


def bucket(tracking):
    """Only this process has the key to the store."""
    return boto3.resource("s3", **tracking.store.access).Bucket(BUCKET)


def stored_runs(tracking):
    return {item.key.split("/")[2] for item in bucket(tracking).objects.all()}


def test_equal_content_of_four_machines_is_one_version(tracking, client, tmp_path):
    known = register_at_once(tracking, tmp_path, "equal", (71.0,) * MACHINES)
    [version] = client.search_model_versions("name='equal'")
    assert known == [str(version.version)] * MACHINES
    aliases = client.get_registered_model("equal").aliases
    assert {k: str(v) for k, v in aliases.items()} == dict.fromkeys(
        ("champion", "challenger"), str(version.version)
    )
    [run] = active_runs(client, "equal")
    assert run.info.run_id == version.run_id and run.info.status == "FINISHED"
    assert stored_runs(tracking) == {run.info.run_id}


def test_the_best_of_four_machines_is_champion_whatever_the_order(tracking, client, tmp_path):
    known = register_at_once(tracking, tmp_path, "best", VALUES)
    assert sorted(map(int, known)) == [1, 2, 3, 4]
    aliases = client.get_registered_model("best").aliases
    assert str(aliases["champion"]) == known[-1] and int(aliases["challenger"]) == 4
    versions = client.search_model_versions("name='best'")
    assert all("decided" in version.tags for version in versions)
    assert {run.info.status for run in active_runs(client, "best")} == {"FINISHED"}


@pytest.mark.parametrize("method", ["create_model_version", "set_model_version_tag"])
def test_a_server_that_is_killed_in_the_middle_leaves_nothing_half_made(
    tracking, client, tmp_path, method
):
    name = f"killed_{method}"
    place = checkout(tmp_path / "w", (name,))
    process = start(tracking, place, "-c", STOPPING, name, method)
    while not (place / "stopped").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    tracking.server.kill()
    (place / "go").touch()
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 60 and process.returncode == 1
    lines = said.strip().splitlines()
    assert len(lines) == 1 and "start the server or correct MLFLOW_TRACKING_URI" in lines[0], said
    tracking.server.start()
    repeated = start(tracking, place, "-m", "pipelines.register", name)
    out, said = repeated.communicate(timeout=120)
    assert repeated.returncode == 0, said
    assert f"{name}: version 1" in out
    [version] = client.search_model_versions(f"name='{name}'")
    assert version.tags["decided"] == "champion"
    [run] = active_runs(client, name)
    assert run.info.run_id == version.run_id and run.info.status == "FINISHED"
    aliases = client.get_registered_model(name).aliases
    assert {k: int(v) for k, v in aliases.items()} == {"champion": 1, "challenger": 1}


def test_artifacts_that_are_gone_from_the_store_come_back(tracking, client, tmp_path):
    place = checkout(tmp_path / "w", ("lost",))

    def said():
        out, err = start(tracking, place, "-m", "pipelines.register").communicate(timeout=120)
        assert err == ""
        return out

    assert "lost: version 1 registered; champion" in said()
    [version] = client.search_model_versions("name='lost'")
    lost = f"artifacts/1/{version.run_id}/artifacts/model/onnx/reconstruct.onnx"
    bucket(tracking).Object(lost).delete()
    assert "lost: artifacts of version 1 were incomplete; uploaded again" in said()
    bucket(tracking).Object(lost).load()
    assert "holds this content already" in said()
