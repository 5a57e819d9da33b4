"""A folder of stand-in models, and a client of the application that serves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import standins
from filelock import FileLock

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from starlette.testclient import TestClient

from serving.app import create_app
from serving.queue.plane import Plane
from serving.registry import connection
from serving.repository import Repository
from serving.service import Service

WORDS = ("a", "b", "c")
HERE = Path(__file__).parent
UNREACHABLE = ("dns error", "error sending request", "Connection", "timed out")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a connection to a registry sets ends with the test."""
    for name, value in connection.SETTINGS.items():
        monkeypatch.setenv(name, os.environ.get(name, value))


@pytest.fixture(scope="session")
def table() -> np.ndarray:
    """log_probs[last, next] of the bigram model: 5 tokens, `<eos>` and `<unk>` among them."""
    return np.log(np.random.default_rng(7).dirichlet(np.ones(5), 5)).astype(np.float32)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory, table: np.ndarray) -> Path:
    root = tmp_path_factory.mktemp("stock")
    standins.doubling(root / "double")
    standins.bigram(root / "bigram", table, WORDS)
    standins.lstm(root / "lstm", words=21, width=7)
    standins.mirror(root / "mirror")
    standins.negative(root / "negative")
    return root


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a registry without models; tests copy it, for making one takes seconds."""
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("registry") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}", f"sqlite:///{file}").search_registered_models()
    return file


@pytest.fixture
def models(stock: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(stock, tmp_path / "models"))


@pytest.fixture
def service(models: Path) -> Iterator[Service]:
    repository = Repository(models)
    repository.refresh()
    plane = Plane(repository)
    yield Service(repository, plane, body=100_000)
    plane.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    app = create_app(service, poll_seconds=3600)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


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
