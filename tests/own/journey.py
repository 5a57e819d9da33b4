"""The way of a user: `add` files, run the stages, ask the server."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from starlette.testclient import TestClient

from serving.app import create_app
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service
from tests import warmed
from tests.project import ROOT

# One process for all stages of a recipe, as forking and settling each anew is of no use here.
STAGES = """
import sys
from pipelines.baseline import baseline
from pipelines.evaluate import evaluate
from pipelines.export import export
from pipelines.fingerprint import fingerprint
from pipelines.prepare import prepare
from pipelines.stage import run_stage
from pipelines.train import train

name = sys.argv[1]
for stage in (prepare, baseline, train, export, evaluate):
    sys.argv[1:] = [name]
    run_stage(stage.__name__, stage)
sys.argv[1:] = []
run_stage("fingerprint", fingerprint)
"""


def environment() -> dict[str, str]:
    """That of a command: this checkout's code."""
    return os.environ | {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        "OMP_NUM_THREADS": "1",
        "DVC_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def run(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """A Python command in a folder, which imports all that it needs itself."""
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, encoding="utf-8", check=False
    )


def run_warmed(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The same command in a process that has libraries already, which saves seconds."""
    return warmed.run(folder, environment(), *words)


def add(folder: Path, name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """`python -m pipelines.add` with the project in folder/own."""
    return run_warmed(folder, "-m", "pipelines.add", name, *words)


def repro(folder: Path, name: str) -> Path:
    """Every stage of a recipe in folder/own, checked; returns the folder of its artifacts."""
    result = run_warmed(folder / "own", "-c", STAGES, name)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "own/artifacts" / name


@contextlib.contextmanager
def served(artifacts: Path) -> Iterator[TestClient]:
    """A client of a server with every model below a folder of artifacts."""
    repository = Repository(artifacts)
    repository.refresh()
    plane = Plane(repository)
    app = create_app(Service(repository, plane, body=10_000_000), poll_seconds=3600)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    plane.close()
