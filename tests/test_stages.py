"""dvc.yaml tells DVC the truth: each stage depends on every file that it imports."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.project import ROOT

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
# Docstrings, and settings that keep libraries from phoning home: these decide no output.
IDLE = {
    "pipelines/__init__.py",
    "src/repertoire/__init__.py",
    "src/repertoire/families/__init__.py",
}
FAMILY_PARTS = {
    "train": {"config", "network", "learner", "evaluation"},
    "export": {"config", "network", "evaluation"},
    "evaluate": {"config", "evaluation"},
}


def module_file(name: str) -> Path | None:
    for base in (ROOT / "src", ROOT):
        path = base.joinpath(*name.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.exists():
                return candidate
    return None


def imports(path: Path) -> set[Path]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {file for name in names if (file := module_file(name))}
    return found


def closure(stage: str) -> set[Path]:
    entry = ROOT / "pipelines" / f"{stage}.py"
    todo = [entry if entry.exists() else ROOT / "pipelines" / stage / "__main__.py"]
    if stage in FAMILY_PARTS:
        families = ROOT / "src/repertoire/families"
        todo += [f for p in FAMILY_PARTS[stage] for f in families.glob(f"*/{p}.py")]
    if stage == "prepare":
        todo += list((ROOT / "src/repertoire/data/readers").glob("*.py"))
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += imports(path)
    return seen


def covered(path: Path, dependencies: list[str]) -> bool:
    relative = path.relative_to(ROOT)
    for dependency in dependencies:
        pattern = dependency.replace("${item.family}", "*")
        if relative.match(pattern) or any(p.match(pattern) for p in relative.parents):
            return True
    return False


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_depends_on_all_that_it_imports(stage):
    body = STAGES[stage].get("do", STAGES[stage])
    missing = {
        str(path.relative_to(ROOT))
        for path in closure(stage)
        if not covered(path, body["deps"]) and path.stat().st_size
    }
    assert not missing - IDLE, missing
    assert len(closure(stage)) > 3


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_has_a_short_entry_point_and_declared_outputs(stage):
    body = STAGES[stage].get("do", STAGES[stage])
    assert body["deps"] and (body.get("outs") or body.get("metrics"))
    for dependency in body["deps"]:
        plain = dependency.split("${")[0].rstrip("/")
        if dependency.startswith(("src/", "pipelines/")):
            assert (ROOT / plain).exists(), dependency


def test_dvc_yaml_names_no_data_set_and_no_recipe():
    text = (ROOT / "dvc.yaml").read_text()
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    names = [n for n in (*params["recipes"], *params["datasets"]) if n not in ("digits", "dates")]
    assert len(names) > 10
    assert not [name for name in names if name in text]
