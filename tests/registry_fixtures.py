"""Registries to work in."""

import os
import subprocess
import sys

import pytest
from filelock import FileLock

from pipelines.registry import connection
from tests.evaluated import checkout
from tests.project import ROOT
from tests.registry import enter

OPEN = """
from pipelines.registry.connection import open_registry

with open_registry():
    pass
"""


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory, worker_id):
    """A database that only has to be copied: MLflow takes seconds to make its tables."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent
    folder = root / "empty registry"
    with FileLock(root / "registry.lock"):
        if not (folder / "mlflow.db").exists():
            environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
            environment |= {"MLFLOW_TRACKING_URI": ""}
            command = [sys.executable, "-c", OPEN]
            subprocess.run(command, cwd=checkout(folder), env=environment, check=True)
    return folder / "mlflow.db"


@pytest.fixture
def place(tmp_path, empty_store, monkeypatch, capfd):
    """A checkout with two evaluated recipes and an empty registry, as the working directory."""
    folder = enter(checkout(tmp_path / "w"), empty_store, monkeypatch)
    with connection.open_registry():
        capfd.readouterr()
    return folder
