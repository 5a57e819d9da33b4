"""No file and no output of a process is read or written in the encoding of the locale."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "serving", ROOT / "src/repertoire/runtime")


def unspecified(source: str) -> list[int]:
    """The lines of calls that read or write text without naming its encoding."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if _is_text(call) and not _names_encoding(call)]


def _is_text(call: ast.Call) -> bool:
    asks = [k.value for k in call.keywords if k.arg in ("text", "universal_newlines")]
    if any(isinstance(value, ast.Constant) and value.value is True for value in asks):
        return True
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    if name == "open":
        of = getattr(getattr(call.func, "value", None), "id", None)
        modes = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
        binary = any(isinstance(m, ast.Constant) and "b" in str(m.value) for m in modes)
        return not binary and of not in ("os", "Image")
    return name in ("read_text", "write_text")


def _names_encoding(call: ast.Call) -> bool:
    by_place = getattr(call.func, "attr", None) == "read_text" and bool(call.args)
    return by_place or any(keyword.arg == "encoding" for keyword in call.keywords)


def test_every_text_of_what_ships_names_its_encoding() -> None:
    files = sorted(file for folder in SHIPPED for file in folder.rglob("*.py"))
    assert len(files) > 53
    places = [f"{file}:{line}" for file in files for line in unspecified(file.read_text("utf-8"))]
    assert places == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("p.read_text()\np.write_text('x')\nopen(p)\np.open('w')", [1, 2, 3, 4]),
        ("run(c, text=True)\nrun(c, text=True, encoding='utf-8')", [1]),
        ("p.read_text('utf-8')\np.open('rb')\nopen(p, 'wb')\nos.open(p, 0)\nImage.open(f)", []),
    ],
)
def test_the_search_for_them_finds_them(source: str, found: list[int]) -> None:
    assert unspecified(source) == found
