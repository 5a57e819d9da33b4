"""What is no registry, no project or no recipe is one clear line; and how a store comes to be."""

import os
import socket
import subprocess
import sys
import time

import pytest

from pipelines.promote import promote
from pipelines.register import register
from pipelines.registry import connection
from repertoire.config import RepertoireError
from tests.evaluated import NAMES, checkout
from tests.project import ROOT
from tests.registry import alive, query

pytest_plugins = ("tests.registry_fixtures",)


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("nonsense", "MLflow at nonsense: "),
        ("foo://me:hush@bar", "MLflow at foo://***@bar: "),
        ("http://[x", "Invalid IPv6 URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/at/all.db", "there is no such folder"),
        ("sqlite:////proc/x.db", "cannot create /proc/x.db"),
        ("http://me:hush@127.0.0.1:9", "start the server or correct MLFLOW_TRACKING_URI"),
        ("postgresql+psycopg2://me:hush@127.0.0.1:9/db", "Connection refused"),
        ("postgresql+nothing://me:hush@127.0.0.1:9/db", "MLFLOW_TRACKING_URI"),
    ],
)
def test_a_registry_that_is_none_is_one_line_without_passwords(place, monkeypatch, uri, complaint):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    files = sorted(place.rglob("*"))
    with pytest.raises(RepertoireError) as refused:
        register("first")
    said = str(refused.value)
    assert complaint in said and "MLFLOW_TRACKING_URI" in said
    assert "\n" not in said and "hush" not in said
    assert sorted(p for p in place.rglob("*") if ".dvc" not in p.parts) == [
        p for p in files if ".dvc" not in p.parts
    ]


def test_a_server_that_does_not_answer_is_given_up_within_a_minute(place, monkeypatch):
    settings = connection.SETTINGS
    attempts = int(settings["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) + 1
    assert attempts * (int(settings["MLFLOW_HTTP_REQUEST_TIMEOUT"]) + 5) < 60  # 5 between them
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(attempts - 1))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(RepertoireError, match=r"timed out.*; start the server or correct"):
            register("first")
        assert time.monotonic() - began < attempts * (1 + 5)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("firts",), "no key 'firts'; there are: first, second"),
        (("second",), "recipe second was not evaluated; run `dvc repro evaluate@second`"),
        ((), "artifacts/second/manifest.json: no such file"),
    ],
)
def test_a_recipe_that_is_not_there_is_refused_before_the_registry_is_opened(
    tmp_path, monkeypatch, names, complaint
):
    place = checkout(tmp_path / "w")
    (place / "artifacts/second/manifest.json").unlink()
    monkeypatch.chdir(place)
    with pytest.raises(RepertoireError, match="second") as refused:
        register(*names)
    assert complaint in str(refused.value)
    assert not (place / "mlflow.db").exists() and not (place / ".dvc").exists()


def test_a_folder_that_is_no_project_stays_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for work in (register, lambda: register("first"), lambda: promote("first", "1")):
        with pytest.raises(RepertoireError, match="run from the repository root"):
            work()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_one_line_and_kept(place):
    (place / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RepertoireError, match="file is not a database; restore the file, or move"):
        register("first")
    assert (place / "mlflow.db").read_bytes() == b"no database at all" * 100


def test_a_store_is_made_once_by_processes_that_come_at_once_whatever_the_locale(tmp_path):
    """Also the smoke test of the command: two at once in a new folder, in a locale of ASCII."""
    place = checkout(tmp_path / "w")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "MLFLOW_TRACKING_URI": "",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "pipelines.register", name],
            cwd=place,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name in NAMES
    ]
    said = [process.communicate()[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert alive(place) == [(name, 1) for name in NAMES]
    assert sorted(p.name for p in place.iterdir()) == [
        ".dvc",
        ".timings",
        "artifacts",
        "mlartifacts",
        "mlflow.db",
        "params.yaml",
        "registrations.json",
    ]
    [(card,)] = query(place, "select description from model_versions where name='first'")
    assert "모형" in card
