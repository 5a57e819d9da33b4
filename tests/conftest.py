"""Shared fixtures; nothing here needs a network."""

import os

import pytest

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
def project(tmp_path_factory):
    """A project in miniature whose data sets are prepared and scored by baselines."""
    made = Project(tmp_path_factory.mktemp("project") / "p")
    result = made.run("python", "-c", PREPARE, *made.params()["datasets"])
    assert result.returncode == 0, result.stdout + result.stderr
    for name, prepare in gathered("PREPARED").items():
        prepare(made.folder / "data" / name)
    return made


@pytest.fixture(autouse=True)
def settled():
    """Every test starts from the same random state and deterministic kernels, as training does."""
    settle(0, 2)
