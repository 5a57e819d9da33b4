"""docs/team.md: its commands and variables, to be run with other values."""

import re

from tests.project import ROOT

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
