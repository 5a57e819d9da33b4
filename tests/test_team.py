"""Two machines that share an S3 store and a PostgreSQL database, set up by docs/team.md."""

import contextlib
import json
import shlex
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import boto3
import pytest

from repertoire.runtime import load
from tests import team
from tests.project import Checkout, Project
from tests.services import Tracking, another_database, free_port, until
from tests.team import PLACE, URI, done, refusal, rows

pytest_plugins = ("tests.team_fixtures",)
RECIPE = "gru_sunspots"
OUTS = ("artifacts", "baselines", "data", "fingerprints")
ENDPOINT, REMOTE = "https://s3.example.org", "https://git.example.org/repertoire.git"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory, store, keys):
    """A checkout that trained a recipe and shared it by the commands of the page."""
    project = Project(tmp_path_factory.mktemp("laptop") / "repertoire", (RECIPE,))
    params = project.params()
    params["recipes"][RECIPE]["gate"]["standard_errors"] = -1e9  # it trained for two epochs
    project.write_params({**params, "studies": {}})
    with (project.folder / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("/mirror/\n/cache/\n/page/\n")
    for name in ("user.name", "user.email"):
        done(project.run("git", "config", name, "somebody"))
    done(project.stage("warm", "dvc", "repro"))
    done(project.run("git", "add", "-A"))
    done(project.run("git", "commit", "-qm", "built"))
    script = [team.replaced(line, {ENDPOINT: store.endpoint}) for line in team.commands(team.DATA)]
    assert "dvc push" in script
    done(project.run("bash", "-euc", "\n".join(script), **keys))
    return project


@pytest.fixture(scope="module")
def colleague(tmp_path_factory, laptop, keys):
    """A fresh clone at another path that pulled by the commands of the page, and what they said."""
    place = tmp_path_factory.mktemp("another machine")
    folder = place / "repertoire"
    *script, serve = team.commands(team.DATA, 1)
    assert serve == "python -m serving.app --models artifacts"
    script.remove("make setup")  # the environment of this test is there
    lines = "\n".join(
        team.replaced(line, {REMOTE: shlex.quote(str(laptop.folder))}) for line in script
    )
    variables = {**Checkout(folder).environment(**keys), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        ["bash", "-euc", lines], cwd=place, env=variables, capture_output=True, text=True
    )
    return SimpleNamespace(machine=Checkout(folder), said=done(told))


@contextlib.contextmanager
def serving(machine, *options, **more):
    """The address of a server of that machine."""
    port = free_port()
    command = [sys.executable, "-m", "serving.app", *options, "--port", str(port)]
    log = (machine.folder / "server.log").open("w")
    process = subprocess.Popen(
        command, cwd=machine.folder, env=machine.environment(**more), stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: asked(f"{address}/v2/health/ready") is not None)
        yield address
    finally:
        process.kill()
        process.wait()
        log.close()


def asked(address, body=None):
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address, content), timeout=30) as answer:
        return json.loads(answer.read() or b"null") or {}


def test_a_fresh_clone_pulls_and_serves_without_training(laptop, colleague):
    machine = colleague.machine
    assert "Running stage" not in colleague.said and "up to date" in colleague.said
    assert machine.digests(*OUTS) == laptop.digests(*OUTS) and len(laptop.digests(*OUTS)) > 20
    assert not (machine.folder / ".timings").exists() and not machine.mirror.exists()
    shown = [
        json.loads(done(m.python("-m", "dvc", "metrics", "show", "--json")))
        for m in (machine, laptop)
    ]
    [values] = shown[0][""]["data"].values()
    assert shown[0] == shown[1] and {"value", "baseline"} < values["data"].keys()
    manifest = json.loads((machine.folder / f"artifacts/{RECIPE}/manifest.json").read_text())
    request = manifest["examples"]["forecast"]
    own = load(laptop.folder / f"artifacts/{RECIPE}").forecast(request["series"])
    with serving(machine, "--models", "artifacts") as address:
        answer = asked(f"{address}/v1/models/{RECIPE}/forecast", request)
    assert answer["results"] == [json.loads(json.dumps(own, default=lambda array: array.tolist()))]


@pytest.fixture(scope="module", params=["server", "no-server"])
def registry(request, store, database, keys):
    """A bucket, a database's URI, and what the page tells each machine to set."""
    bucket, uri = request.param, another_database(database, request.param, "postgres")
    boto3.client("s3", **store.access).create_bucket(Bucket=bucket)
    root = f"s3://{bucket}/mlflow"
    if bucket == "no-server":
        named = {name: {URI: uri, PLACE: root}[name] for name in team.variables(team.NO_SERVER)}
        yield SimpleNamespace(bucket=bucket, uri=uri, variables=keys | named)
        return
    server = Tracking(uri, store, root)
    try:
        assert set(team.variables(team.SERVER)) <= server.environment.keys()
        assert team.variables(team.SERVER, 1) == [URI]
        yield SimpleNamespace(bucket=bucket, uri=uri, variables={URI: server.uri})
    finally:
        server.kill()


def test_machines_share_versions_and_a_server_follows_whoever_promotes(laptop, colleague, registry):
    variables, machine = registry.variables, colleague.machine
    first = done(laptop.stage("register", **variables))
    assert f"{RECIPE}: version 1 registered; champion" in first
    again = done(machine.stage("register", **variables))
    assert f"{RECIPE}: version 1 holds this content already; champion is 1" in again
    [(place,)] = rows(registry.uri, "select source from model_versions")
    assert place.startswith(("s3://no-server/mlflow/repertoire/", "mlflow-artifacts:/1/"))
    uri = variables[URI]
    with serving(machine, "--registry", uri, "--into", "served", **variables) as address:
        metadata = f"{address}/v2/models/{RECIPE}"

        def version():
            return asked(metadata)["versions"]

        assert version() == ["1"]
        manifest = laptop.folder / f"artifacts/{RECIPE}/manifest.json"
        kept = manifest.read_text()
        worse = json.loads(kept)
        worse["metrics"]["test_pinball_loss"] += 1
        manifest.unlink()  # it is a link to DVC's cache
        manifest.write_text(json.dumps(worse))
        second = done(laptop.stage("register", **variables))
        manifest.write_text(kept)
        assert f"{RECIPE}: version 2 registered; challenger" in second and version() == ["1"]
        done(machine.stage("promote", RECIPE, "2", **variables))
        until(lambda: version() == ["2"], 20)
        done(laptop.stage("promote", RECIPE, "--previous", **variables))
        until(lambda: version() == ["1"], 20)


def test_a_registry_that_lost_its_bucket_says_so(registry, place, store, keys):
    bucket = boto3.resource("s3", **store.access).Bucket(registry.bucket)
    bucket.objects.delete()
    bucket.delete()
    line = refusal(place, registry.variables)
    assert "bucket does not exist" in line and "s3://" in line
    if registry.bucket == "no-server":
        assert "make the bucket" in line
        return
    assert "the server cannot use its store of artifacts (" in line
    assert "--artifacts-destination" in line
    line = refusal(place, keys | {URI: registry.uri})
    assert "its artifacts go through a tracking server; set MLFLOW_TRACKING_URI to the http" in line
