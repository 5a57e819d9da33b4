"""A registry that cannot be read, or whose folder is in use: one line, soon, and nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import standins

from repertoire.runtime.errors import BadModel
from serving.registry import champion_folder, champions, connection, synchroniser
from serving.registry import command as registry
from serving.registry.renewal import Renewal
from serving.registry.synchroniser import Synchroniser
from serving.registry.uris import masked
from serving.repository import Repository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def client(stored: Path, tmp_path: Path) -> Any:
    """A client of a registry that a test may change, in `tmp_path`/mlflow.db."""
    from mlflow import MlflowClient

    shutil.copy(stored, tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return MlflowClient(uri, uri)


def champion(client: Any, name: str, folder: Path) -> None:
    """Registers the model `folder`/name, and makes it the champion."""
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    version = client.create_model_version(name, (folder / name).as_uri()).version
    client.set_registered_model_alias(name, "champion", version)


def complaint(uri: str, into: Path, capsys: pytest.CaptureFixture[str]) -> str:
    began = time.monotonic()
    assert registry.main(["--uri", uri, "--into", str(into)]) == 1
    assert time.monotonic() - began < 60
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1 and told.err.startswith("error: ")
    assert "secret" not in told.err
    return told.err


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        ("sqlite:///{folder}/none.db", "there is no file"),
        ("sqlite://", "names no file"),
        ("sqlite:///{folder}/noise.db", "noise.db cannot be read (file is not a database)"),
        ("sqlite:///{folder}/other.db", "other.db is no MLflow registry"),
        ("sqlite:///{folder}/later.db", "out-of-date database schema"),
        ("sqlite:/x.db", "Could not parse SQLAlchemy URL"),
        ("mysql://user:secret@localhost/db", "mysql://***@localhost/db needs the package"),
        ("http://user:secret@127.0.0.1:9", "http://***@127.0.0.1:9 cannot be read ([Errno 111]"),
        ("postgresql+psycopg2://user:secret@127.0.0.1:9/db", "Connection refused); check the URI"),
        (
            "postgresql://user:secret@127.0.0.1:9/db",
            "names no driver; write postgresql+psycopg2://",
        ),
        ("gopher://user:sec/secret@host/x", "got unsupported URI 'gopher://***@host/x'"),
        ("http://[user", "is no URI"),
    ],
)
def test_a_registry_that_cannot_be_read_is_one_line_without_secrets(
    uri: str,
    line: str,
    stored: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "noise.db").write_bytes(b"no database at all" * 101)
    for name, command in (
        ("other", "create table t (x)"),
        ("later", "update alembic_version set version_num = '000000000000'"),
    ):
        if name == "later":
            shutil.copy(stored, tmp_path / "later.db")
        with sqlite3.connect(tmp_path / f"{name}.db") as database:
            database.execute(command)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert line in complaint(uri.format(folder=tmp_path), tmp_path / "into", capsys)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_server_that_does_not_answer_is_one_line_within_a_minute(
    silent: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = int(connection.SETTINGS["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) + 1
    pauses = sum(2**n + 1 for n in range(1, tries))  # mlflow's, and its jitter
    assert tries * int(connection.SETTINGS["MLFLOW_HTTP_REQUEST_TIMEOUT"]) + pauses < 50
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    line = complaint(f"http://127.0.0.1:{silent}", tmp_path / "into", capsys)
    assert "timed out" in line


def test_a_file_that_another_process_holds_is_waited_for_and_then_named(
    client: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert connection.WAIT_SECONDS < 45
    standins.doubling(tmp_path / "from" / "double")
    champion(client, "double", tmp_path / "from")
    file, into = tmp_path / "mlflow.db", tmp_path / "into"
    held = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    held.execute("begin exclusive")
    monkeypatch.setattr(connection, "WAIT_SECONDS", 0.2)
    assert "is held by another process; try again" in complaint(f"sqlite:///{file}", into, capsys)
    monkeypatch.setattr(connection, "WAIT_SECONDS", 31)
    release = threading.Timer(0.7, held.execute, ["rollback"])
    release.start()
    assert registry.main(["--uri", f"sqlite:///{file}", "--into", str(into)]) == 0
    assert (into / "double/manifest.json").is_file()


def test_without_mlflow_the_line_names_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    line = complaint("http://127.0.0.1:9", tmp_path, capsys)
    assert "pip install 'repertoire[registry]'" in line


def test_a_folder_that_cannot_be_made_is_named(
    client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standins.doubling(tmp_path / "from" / "double")
    champion(client, "double", tmp_path / "from")
    (tmp_path / "file").write_bytes(b"")
    line = complaint(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "file", capsys)
    assert f"{tmp_path}/file: File exists" in line


def test_an_error_of_this_code_is_no_error_of_the_registry() -> None:
    with pytest.raises(KeyError), connection.explained("sqlite:///x.db"):
        raise KeyError("a fault")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h:1/x failed", "http://***@h:1/x failed"),
        ("to https://u:p@ss@h, then", "to https://***@h, then"),
        ("postgresql://u:p/q@h/d?x=1&password=p&y=2", "postgresql://***@h/d?x=1&password=***&y=2"),
        ("sqlite:////home/a@b/x.db", "sqlite:////home/a@b/x.db"),
        ("http://h/x?access_token=abc is", "http://h/x?access_token=*** is"),
    ],
)
def test_what_is_secret_in_a_uri_is_not_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_the_server_repeats_the_line_and_masks_what_it_says_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "into"
    synchronise = Synchroniser(f"sqlite:///{tmp_path}/none.db", into, 0, lambda _: None)
    with pytest.raises(BadModel, match=f"^there is no file {tmp_path}/none.db"):
        synchronise()
    synchronise.close()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    synchronise = Synchroniser("http://user:secret@h", into, 0, lambda _: None)
    with pytest.raises(BadModel, match=r"registry http://\*\*\*@h gave no models: exit status"):
        synchronise()
    synchronise.close()


def test_a_start_waits_for_a_silent_registry_only_where_there_are_no_copies(
    silent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(synchroniser, "FIRST_SECONDS", 0.7)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    copies = tmp_path / "copies"
    standins.doubling(copies / "double")
    for folder in (copies, tmp_path / "none"):
        following = Synchroniser(f"http://127.0.0.1:{silent}", folder, 1, lambda _: None)
        if folder == copies:
            synchroniser.filled_first(following, folder)
            assert "did not answer within 0.7 s; the last copies are served" in caplog.text
            following.close()
            following.close()  # once more does nothing
            with pytest.raises(BadModel, match="the server is ending"):
                following()
        else:
            with pytest.raises(BadModel, match="timed out"):
                synchroniser.filled_first(following, folder)


DIRECTLY = "from serving.registry.champions import synchronise"
BY_THE_SERVER = """
from serving.registry.synchroniser import Synchroniser

def synchronise(uri, into):
    Synchroniser(uri, into, 0, lambda _: None)()
"""


@pytest.mark.parametrize(("code", "place"), [(DIRECTLY, "models"), (BY_THE_SERVER, "모델 폴더")])
def test_champions_are_utf_8_whatever_the_locale(
    code: str, place: str, client: Any, tmp_path: Path
) -> None:
    model, into = tmp_path / place / "double", tmp_path / "챔피언 폴더"
    standins.doubling(model)
    manifest = json.loads((model / "manifest.json").read_bytes()) | {"facts": ["대한민국"]}
    content = json.dumps(manifest, ensure_ascii=False).encode()
    (model / "manifest.json").write_bytes(content)
    champion(client, "double", tmp_path / place)
    code += "\nimport pathlib, sys; synchronise(sys.argv[1], pathlib.Path(sys.argv[2]))"
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/mlflow.db", str(into)]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **plain}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "대한민국".encode() in (into / "double/manifest.json").read_bytes()


def test_two_at_once_into_the_same_folder_leave_it_whole(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, into = [f"m{n}" for n in range(5)], tmp_path / "into"
    fetch = champions.fetch

    def slowly(client: Any, uri: str, name: str, version: str, to: Path) -> Path:
        time.sleep(0.05)  # long enough for another to come between
        return fetch(client, uri, name, version, to)

    monkeypatch.setattr(champions, "fetch", slowly)
    for version in ("1", "2", "3"):
        for name in names:
            standins.doubling(tmp_path / version / name, float(version))
            champion(client, name, tmp_path / version)
        with ThreadPoolExecutor(3) as pool:
            uri = f"sqlite:///{tmp_path}/mlflow.db"
            ends = [pool.submit(champions.synchronise, uri, into) for _ in range(3)]
        renewed = sorted(name for end in ends for name in end.result()["renewed"])
        assert renewed == names  # each once
        repository = Repository(into)
        repository.refresh()
        assert {name: m.version for name, m in repository.models.items()} == dict.fromkeys(
            names, version
        )
        assert not repository.problems
        strays = [*into.glob(".[!v]*"), *into.glob(".versions/.*")]
        assert not strays


def test_a_folder_that_another_process_fills_is_named(
    client: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    standins.doubling(tmp_path / "from" / "double")
    champion(client, "double", tmp_path / "from")
    monkeypatch.setattr(champion_folder, "WAIT_SECONDS", 0.3)
    with champion_folder.ChampionFolder(tmp_path / "into").claimed():
        line = complaint(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "into", capsys)
    assert f"another process fills {tmp_path}/into; try again" in line


def test_many_who_ask_the_server_to_renew_share_two_runs() -> None:
    runs: list[int] = []
    go_on = threading.Event()

    def renew() -> None:
        runs.append(len(runs))
        assert go_on.wait(10)
        if len(runs) == 2:
            raise BadModel("the registry is gone")

    async def ask() -> None:
        renewal = Renewal(renew)
        first = asyncio.create_task(renewal())
        while not runs:
            await asyncio.sleep(0.01)
        others = [asyncio.create_task(renewal()) for _ in range(41)]
        given_up = asyncio.create_task(renewal())
        await asyncio.sleep(0.1)
        given_up.cancel()
        go_on.set()
        assert await first is None
        ends = await asyncio.gather(*others, return_exceptions=True)
        assert {str(end) for end in ends} == {"the registry is gone"}
        assert len(runs) == 2
        await renewal()
        assert len(runs) == 3

    asyncio.run(ask())
