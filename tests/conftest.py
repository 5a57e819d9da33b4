"""Shared fixtures; nothing here needs a network."""

import os

import pytest

import pipelines  # noqa: F401  (sets what keeps every library from phoning home)
from repertoire.training.process import settle
from tests.project import Project

os.environ["REPERTOIRE_MIRROR"] = ""


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A project in miniature whose data sets are prepared and scored by baselines."""
    made = Project(tmp_path_factory.mktemp("project") / "p")
    result = made.run("dvc", "repro", "prepare", "baseline")
    assert result.returncode == 0, result.stdout + result.stderr
    return made


@pytest.fixture(autouse=True)
def settled():
    """Every test starts from the same random state and deterministic kernels, as training does."""
    settle(0, 2)
