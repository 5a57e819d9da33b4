"""What two machines share, and a checkout that has something to register."""

import pytest

from tests import team, warmed
from tests.evaluated import checkout
from tests.services import postgresql, s3

TABLES = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1], sys.argv[1])"


@pytest.fixture(scope="module")
def store():
    with s3() as made:
        yield made


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with MLflow's tables, to be copied: it takes seconds to make them."""
    with postgresql() as uri:
        folder = tmp_path_factory.mktemp("tables")
        team.done(warmed.run(folder, team.ENVIRONMENT, "-c", TABLES, uri))
        yield uri


@pytest.fixture(scope="module")
def keys(store):
    """The variables of the page's first step, all that it names."""
    return {name: store.environment()[name] for name in team.variables(team.STORE)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A checkout whose recipe was evaluated, without a training."""
    return checkout(tmp_path_factory.mktemp("refused") / "w", ("first",))
