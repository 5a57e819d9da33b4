"""Shared fixtures; nothing here needs a network."""

import os
import pickle

import pytest
from filelock import FileLock

import pipelines  # noqa: F401  (sets what keeps every library from phoning home)
from repertoire.training.process import settle
from tests.project import Project
from tests.small import gathered

os.environ["REPERTOIRE_MIRROR"] = ""
# One process for all data sets: starting Great Expectations takes longer than its work.
PREPARE = """
import sys
from pipelines.baseline import baseline
from pipelines.prepare import prepare

for name in sys.argv[1:]:
    prepare(name)
    baseline(name)
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory, worker_id):
    """A project in miniature whose data sets are prepared and scored by baselines.

    The worker that needs it first makes it for all; no test may change it.
    """
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent
    ready = root / "project.pickle"
    with FileLock(root / "project.lock"):
        if not ready.exists():
            ready.write_bytes(pickle.dumps(prepared(root / "project" / "p")))
    return pickle.loads(ready.read_bytes())  # noqa: S301 - written above


def prepared(folder):
    made = Project(folder)
    result = made.python("-c", PREPARE, *made.params()["datasets"])
    assert result.returncode == 0, result.stdout + result.stderr
    for name, prepare in gathered("PREPARED").items():
        prepare(made.folder / "data" / name)
    return made


@pytest.fixture(autouse=True)
def settled():
    """Every test starts from the same random state and deterministic kernels, as training does."""
    settle(0, 1)
