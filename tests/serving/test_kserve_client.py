"""KServe's client, in an environment of its own: its pins keep it out of this project's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from live import running, service_of

HERE = Path(__file__).parent
UNREACHABLE = ("dns error", "error sending request", "Connection", "timed out")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with KServe's client, made once a session."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv, which installs KServe's client, is not there")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "kserve-client"
    python = folder / "bin" / "python"
    with FileLock(shared / "kserve-client.lock"):
        if not (folder / "done").exists():
            pinned = ["--python", str(python), "-r", str(HERE / "kserve-client.txt")]
            for command in (
                ["venv", "-p", sys.executable, str(folder)],
                ["pip", "install", *pinned],
            ):
                done = subprocess.run(
                    [uv, "-q", *command], capture_output=True, encoding="utf-8", check=False
                )
                if done.returncode and any(word in done.stderr for word in UNREACHABLE):
                    pytest.skip("the package index is not to be reached")
                assert done.returncode == 0, done.stderr
            (folder / "done").touch()
    return python


@pytest.fixture(scope="module")
def found(python: Path, stock: Path) -> Iterator[dict[str, Any]]:
    service = service_of(stock)
    with running(service) as port:
        command = [str(python), str(HERE / "kserve_calls.py"), f"http://127.0.0.1:{port}"]
        bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=bare
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])
    service.plane.close()


def test_health_and_readiness(found: dict[str, Any]) -> None:
    assert found["live"] is found["ready"] is found["model ready"] is True
    assert found["nobody ready"] is False


@pytest.mark.parametrize("way", ["json", "binary", "binary out", "half", "double", "whole"])
def test_infer_in_json_and_binary_and_other_datatypes(found: dict[str, Any], way: str) -> None:
    assert found[way] == [2, 4, 6, 10, 14, 22]


def test_a_long_answer_comes_packed_and_is_whole(found: dict[str, Any]) -> None:
    assert found["long"] == 2 * int((np.arange(2003) % 1000).sum())


def test_a_plain_document_is_answered_under_its_number(found: dict[str, Any]) -> None:
    assert found["plain"] == ["seven", [14.0]]


def test_errors_reach_the_caller_in_their_line(found: dict[str, Any]) -> None:
    assert "there is no model 'nobody'" in found["unknown"]
    assert "input x holds 11000.0; the most is 1000" in found["out of range"]
    assert "parameter priority of the request is not supported" in found["unsupported"]
