"""A server that follows a registry by itself, whatever becomes of the registry."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import standins
from processes import ROOT, Clients, get, serving, until


class Registry:
    """A registry in a SQLite file with stand-ins as versions: `factor` tells them apart."""

    def __init__(self, file: Path, stored: Path) -> None:
        from mlflow import MlflowClient

        shutil.copy(stored, file)
        self.file, self.uri = file, f"sqlite:///{file}"
        self.client = MlflowClient(self.uri, self.uri)

    def register(self, name: str, factor: float) -> str:
        folder = self.file.parent / "versions" / f"{name}-{factor:g}" / name
        standins.doubling(folder, factor)
        if not self.client.search_registered_models(f"name='{name}'"):
            self.client.create_registered_model(name)
        return str(self.client.create_model_version(name, folder.as_uri()).version)

    def promote(self, name: str, version: str) -> None:
        self.client.set_registered_model_alias(name, "champion", version)

    def champion(self, name: str, factor: float) -> str:
        version = self.register(name, factor)
        self.promote(name, version)
        return version


@pytest.fixture
def registry(stored: Path, tmp_path: Path) -> Registry:
    return Registry(tmp_path / "mlflow.db", stored)


def versions(port: int) -> dict[str, str]:
    index = get(port, "/v2/repository/index", {})
    return {each["name"].partition(".")[0]: each.get("version") for each in index}


def problems(port: int) -> Any:
    return get(port, "/v2/health/ready")["problems"]


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return [int(pid) for each in tasks for pid in (each / "children").read_text().split()]


def child_of(process: subprocess.Popen[bytes]) -> int:
    """The process that follows the registry."""
    return children_of(process)[0]


def ended(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            == "Z"
        )
    except FileNotFoundError:
        return True


def test_promotions_and_rollbacks_are_served_within_5_s_and_no_request_fails(
    registry: Registry, tmp_path: Path
) -> None:
    first = registry.champion("double", 2)
    second = registry.register("double", 3)
    with serving("--registry", registry.uri, "--into", tmp_path / "into") as (port, process, log):
        until(lambda: versions(port) == {"double": first})
        with Clients(port, "double") as clients:
            for version, factor in ((second, 3), (first, 2), (second, 3)):
                until(lambda: clients.answers)
                clients.answers.clear()
                registry.promote("double", version)
                until(lambda version=version: versions(port) == {"double": version}, 5)
                clients.answers.clear()
                until(lambda: len(clients.answers) > 11)
                # Each client may have had one request on its way, which the old version answers.
                assert sum(answer != 7.0 * factor for answer in clients.answers) <= clients.count
            registry.champion("another", 5)
            until(lambda: "another" in versions(port), 5)
            registry.client.delete_registered_model_alias("another", "champion")
            until(lambda: "another" not in versions(port), 5)
        assert clients.failures == []
        child = child_of(process)
        assert not any("mlflow" in line for line in _mapped(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0 and ended(child)
        assert "Traceback" not in log.read_text()


def _mapped(pid: int) -> list[str]:
    """The libraries that a process has loaded."""
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()


def test_broken_champions_are_named_and_the_others_served_and_mended_ones_follow(
    registry: Registry, tmp_path: Path
) -> None:
    good = registry.champion("good", 2)
    registry.champion("bad", 3)
    hidden = tmp_path / "versions/bad-3/hidden"
    (tmp_path / "versions/bad-3/bad").rename(hidden)
    with serving("--registry", registry.uri, "--into", tmp_path / "into") as (port, process, _):
        until(lambda: versions(port)["good"] == good)
        assert "files cannot be fetched from" in problems(port)["bad"]
        index = {each["name"]: each for each in get(port, "/v2/repository/index", {})}
        assert index["bad"]["state"] == "UNAVAILABLE" and "cannot be" in index["bad"]["reason"]
        refused = get(port, "/v2/repository/models/bad/load", {})["error"]
        assert "cannot be served: bad 1: its files" in refused
        hidden.rename(hidden.with_name("bad"))
        process.send_signal(signal.SIGHUP)
        until(lambda: "bad" not in problems(port), 5)
        second = registry.register("good", 5)
        (tmp_path / "versions/good-5/good/onnx/scale.onnx").write_bytes(b"altered")
        registry.promote("good", second)
        until(lambda: "version 1 stays in service" in problems(port)["good"], 5)
        assert versions(port) == {"good": "1", "bad": "1"}


def test_a_registry_out_of_reach_leaves_the_last_copies_and_is_followed_when_it_is_back(
    registry: Registry, tmp_path: Path
) -> None:
    registry.champion("double", 2)
    into, away = tmp_path / "into", tmp_path / "away.db"
    options = ("--registry", registry.uri, "--into", into)
    registry.file.rename(away)
    command = [sys.executable, "-m", "serving.app", "--port", "0", *map(str, options)]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1
    assert refused.stderr.startswith(f"error: there is no file {registry.file}")

    away.rename(registry.file)
    command = [sys.executable, "-m", "serving.registry", "--uri", registry.uri, "--into", str(into)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    registry.file.rename(away)
    with serving(*options) as (port, process, log):
        until(lambda: versions(port) == {"double": "1"})
        assert "there is no file" in get(port, "/v2/health/ready")["registry"]
        assert "the last copies stay in service" in log.read_text()
        away.rename(registry.file)
        until(lambda: "registry" not in get(port, "/v2/health/ready"), 15)
        second = registry.champion("double", 3)
        until(lambda: versions(port) == {"double": second}, 5)
        os.kill(child_of(process), signal.SIGKILL)
        time.sleep(0.5)
        third = registry.champion("double", 5)
        until(lambda: versions(port) == {"double": third}, 30)  # a new process imports mlflow
        child = child_of(process)
        process.kill()
        until(lambda: ended(child), 5)


def test_without_following_a_server_asks_on_sighup_and_load_alone(
    registry: Registry, tmp_path: Path
) -> None:
    first = registry.champion("double", 2)
    options = ("--follow", "0", "--registry", registry.uri, "--into", tmp_path / "into")
    with serving(*options) as (port, process, _):
        until(lambda: versions(port) == {"double": first})
        until(lambda: not children_of(process))
        second = registry.champion("double", 3)
        process.send_signal(signal.SIGHUP)
        until(lambda: versions(port) == {"double": second}, 30)
        third = registry.champion("double", 5)
        assert get(port, "/v2/repository/models/double/load", {})["version"] == third


def test_two_servers_share_a_folder(registry: Registry, tmp_path: Path) -> None:
    first = registry.champion("double", 2)
    options = ("--registry", registry.uri, "--into", tmp_path / "into")
    with serving(*options) as (one, process, _), serving(*options) as (two, _, _):
        for port in (one, two):
            until(lambda port=port: versions(port) == {"double": first})
        process.kill()
        second = registry.champion("double", 3)
        until(lambda: versions(two) == {"double": second}, 5)
