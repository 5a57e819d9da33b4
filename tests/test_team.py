"""Two machines that share an S3 store and a PostgreSQL database, set up by docs/team.md."""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import boto3
import pytest
import sqlalchemy

from repertoire.runtime import load
from tests import team, warmed
from tests.evaluated import checkout
from tests.project import ROOT, Checkout, Project
from tests.services import BUCKET, Tracking, another_database, free_port, postgresql, s3, until

RECIPE = "gru_sunspots"
OUTS = ("artifacts", "baselines", "data", "fingerprints")
ENDPOINT, REMOTE = "https://s3.example.org", "https://git.example.org/repertoire.git"
ROOT_OF_ARTIFACTS = f"s3://{BUCKET}/mlflow"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
URI, PLACE = "MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT"
LINE_SECONDS = 60  # until a machine says what is wrong
WORDS = ("-m", "pipelines.register")
SECRETS = ("aws_access_key_id", "aws_secret_access_key")
TABLES = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1], sys.argv[1])"


@pytest.fixture(scope="module")
def store():
    with s3() as made:
        yield made


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with MLflow's tables, to be copied: it takes seconds to make them."""
    with postgresql() as uri:
        folder = tmp_path_factory.mktemp("tables")
        done(warmed.run(folder, ENVIRONMENT, "-c", TABLES, uri))
        yield uri


@pytest.fixture(scope="module")
def keys(store):
    """The variables of the page's first step, all that it names."""
    return {name: store.environment()[name] for name in team.variables(team.STORE)}


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


def done(result):
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


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


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A checkout whose recipe was evaluated, without a training."""
    return checkout(tmp_path_factory.mktemp("refused") / "w", ("first",))


@pytest.fixture(scope="module")
def unused(database):
    """The URI of a database in which nothing was registered yet."""
    return another_database(database, "unused", "postgres")


def refusal(place, variables, module="pipelines.register", *words):
    """The one line of a command that fails, and soon."""
    began = time.monotonic()
    told = warmed.run(place, {**ENVIRONMENT, **variables}, "-m", module, *words)
    assert told.returncode == 1 and time.monotonic() - began < LINE_SECONDS
    [line] = told.stderr.strip().splitlines()
    assert "hush" not in line
    return line


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


def rows(uri, query):
    engine = sqlalchemy.create_engine(uri)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sqlalchemy.text(query))]
    engine.dispose()
    return found


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


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        (PLACE, "", "set MLFLOW_DEFAULT_ARTIFACT_ROOT, for example to s3://"),
        (PLACE, "here", "MLFLOW_DEFAULT_ARTIFACT_ROOT: 'here' is no address"),
        (PLACE, "s3://no/x", "artifacts at s3://no/x/repertoire: … make the bucket"),
        ("AWS_SECRET_ACCESS_KEY", "hush", "artifacts at s3://team/ … correct AWS_ACCESS_KEY_ID"),
        ("AWS_ACCESS_KEY_ID", "nobody", "artifacts at s3://team/ … correct AWS_ACCESS_KEY_ID"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "artifacts at s3://team/ … start the store"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:9", "artifacts at s3://team/ … correct AWS_ENDPOINT_URL"),
        (URI, "postgresql+psycopg2://me:hush@127.0.0.1:9/db", "refused; start the server or"),
        (URI, "postgresql://me:hush@127.0.0.1:9/db", "as in postgresql+psycopg2://"),
    ],
)
def test_what_is_missing_is_one_line_and_nothing_is_registered(
    place, unused, keys, name, value, wanted
):
    line = refusal(place, {**keys, URI: unused, PLACE: ROOT_OF_ARTIFACTS, name: value})
    assert all(part in line for part in wanted.split(" … ")), line
    assert rows(unused, "select name from experiments") == [("Default",)]
    assert not (place / "registrations.json").exists() and not (place / "mlruns").exists()


def test_a_key_that_may_not_write_leaves_no_run(place, database, store, keys):
    uri = another_database(database, "readers", "postgres")
    variables = keys | {URI: uri, PLACE: "s3://team/r"}
    may_read = {name.upper(): store.readers[name] for name in SECRETS}
    line = refusal(place, variables | may_read)
    assert "AccessDenied" in line and line.endswith("or the rights of that key")
    assert rows(uri, "select lifecycle_stage from runs") == [("deleted",)]
    assert rows(uri, "select name from model_versions") == []
    said = done(warmed.run(place, {**ENVIRONMENT, **variables}, "-m", "pipelines.register"))
    assert "first: version 1 registered" in said
    elsewhere = refusal(place, variables | {PLACE: "s3://team/other"})
    assert "keeps its artifacts at s3://team/r/repertoire, not below MLFLOW_DEFAULT_" in elsewhere
    copy = ("--uri", uri, "--into", str(place / "served"))
    assert "first" in done(
        warmed.run(place, {**ENVIRONMENT, **variables, **may_read}, "-m", "serving.registry", *copy)
    )
    wrong = variables | {"AWS_SECRET_ACCESS_KEY": "hush"}
    line = refusal(place, wrong, "serving.registry", "--uri", uri, "--into", str(place / "none"))
    assert line.startswith("error: first: ") and "correct AWS_ACCESS_KEY_ID and" in line


def test_two_machines_open_an_empty_database_at_once(database, tmp_path, keys):
    uri = another_database(database, "empty")
    variables = keys | {URI: uri, PLACE: "s3://team/two"}
    machines = [
        warmed.Command(checkout(tmp_path / str(n), ("first",)), {**ENVIRONMENT, **variables}, WORDS)
        for n in range(2)
    ]
    said = [machine.communicate(timeout=120) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert rows(uri, "select count(*) from model_versions where current_stage = 'None'") == [(1,)]
