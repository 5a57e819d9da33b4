"""docs/team.md: its commands and variables, to be run with other values; and what comes of it."""

import os
import re
import time

import sqlalchemy

from tests import warmed
from tests.project import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
URI, PLACE = "MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT"
REGISTER = ("-m", "pipelines.register")
LINE_SECONDS = 60  # until a machine says what is wrong
TEXT = (ROOT / "docs/team.md").read_text(encoding="utf-8")
STORE, DATA = "## 1. The S3 store", "## 2. Data and models"
SERVER, NO_SERVER = "### With a tracking server", "### Without a server"


def blocks(heading: str) -> list[list[str]]:
    """The lines of each block of commands in a section, without their comments."""
    section = re.split(r"^##", TEXT.partition(f"{heading}\n")[2], flags=re.MULTILINE)[0]
    found = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    return [[line.partition("  #")[0].rstrip() for line in block.splitlines()] for block in found]


def variables(heading: str, which: int = 0) -> list[str]:
    """The names that a block exports, in their order."""
    lines = blocks(heading)[which]
    return [line.split("=")[0].split()[1] for line in lines if line.startswith("export ")]


def commands(heading: str, which: int = 0) -> list[str]:
    """The lines of a block that are no variables."""
    return [line for line in blocks(heading)[which] if not line.startswith("export ")]


def replaced(line: str, values: dict[str, str]) -> str:
    """A command with other addresses than those of the page."""
    for old, new in values.items():
        line = line.replace(old, new)
    return line


def done(result):
    """What a command that has to succeed said."""
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


def refusal(place, variables, module="pipelines.register", *words):
    """The one line of a command that fails, and soon."""
    began = time.monotonic()
    told = warmed.run(place, {**ENVIRONMENT, **variables}, "-m", module, *words)
    assert told.returncode == 1 and time.monotonic() - began < LINE_SECONDS
    [line] = told.stderr.strip().splitlines()
    assert "hush" not in line
    return line


def rows(uri, query):
    """What a database answers."""
    engine = sqlalchemy.create_engine(uri)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sqlalchemy.text(query))]
    engine.dispose()
    return found
