"""A team's store or database when something is missing: one line, and nothing is registered."""

import http.server
import threading

import pytest

from tests import warmed
from tests.evaluated import checkout
from tests.services import another_database
from tests.team import ENVIRONMENT, PLACE, REGISTER, URI, done, refusal, rows

pytest_plugins = ("tests.team_fixtures",)
SECRETS = ("aws_access_key_id", "aws_secret_access_key")


@pytest.fixture(scope="module")
def unused(database):
    """The URI of a database in which nothing was registered yet."""
    return another_database(database, "unused", "postgres")


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
    line = refusal(place, {**keys, URI: unused, PLACE: "s3://team/mlflow", name: value})
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
    said = done(warmed.run(place, {**ENVIRONMENT, **variables}, *REGISTER))
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
        warmed.Command(
            checkout(tmp_path / str(n), ("first",)), {**ENVIRONMENT, **variables}, REGISTER
        )
        for n in range(2)
    ]
    said = [machine.communicate(timeout=120) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert rows(uri, "select count(*) from model_versions where current_stage = 'None'") == [(1,)]


def test_a_folder_that_all_machines_mount_keeps_the_files_or_is_missed(place, database, tmp_path):
    uri, share = another_database(database, "mounted", "postgres"), tmp_path / "the share"
    share.mkdir()
    variables = {URI: uri, PLACE: str(share)}
    done(warmed.run(place, {**ENVIRONMENT, **variables}, *REGISTER))
    [run] = (share / "repertoire").iterdir()
    assert (run / "artifacts/model/manifest.json").is_file()
    share.rename(tmp_path / "elsewhere")
    assert f"its artifacts lie in {share}/repertoire, which this mach" in refusal(place, variables)
    assert not share.exists()


@pytest.mark.parametrize("code", [401, 403])
def test_a_server_that_asks_who_comes_is_answered_by_two_variables(place, code):
    class Guarded(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        threading.Thread(target=guarded.serve_forever).start()
        uri = f"http://127.0.0.1:{guarded.server_port}"
        copy = ("serving.registry", "--uri", uri, "--into", str(place / "none"))
        lines = [refusal(place, {URI: uri}), refusal(place, {}, *copy)]
        guarded.shutdown()
    wanted = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    assert all(f"error code {code}" in line and wanted in line for line in lines)
