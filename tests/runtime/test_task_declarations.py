"""What every task declares, and that a module with a declaration is all that a task takes."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from onnx import helper
from starlette.testclient import TestClient

from pipelines.report import card
from repertoire.runtime import load, tasks
from repertoire.runtime.schema import Seed, fields_of
from repertoire.runtime.task import Known, Task
from serving.app import create_app
from serving.batch import command as batch
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service
from tests.serving import standins
from tests.test_tasks_on_cards import recipe

ADDED = Path(__file__).parents[1] / "added/src/repertoire/runtime/tasks/springs.py"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
# A field without a description is called by what it holds, in a word that needs no other.
PLAIN = {
    *("a", "b", "cosine", "height", "id", "image", "images", "log_prob", "perplexity", "seed"),
    *("text", "title", "tokens", "width", "word"),
}
every = pytest.mark.parametrize("task", tasks.TASKS.values(), ids=lambda task: task.name)


def test_the_tasks_are_those_known_and_each_name_is_one() -> None:
    modules = [
        importlib.import_module(f"{tasks.__name__}.{file.stem}")
        for file in Path(tasks.__file__).parent.glob("[!_]*.py")
    ]
    names = [task.name for module in modules for task in module.TASKS]
    assert len(names) == len(set(names)) == len(tasks.TASKS) >= 25
    assert all(name.isidentifier() and name == name.lower() for name in names)


@every
def test_schemas_of_requests_and_answers_are_of_the_draft(task: Task) -> None:
    for schema in (task.request_schema(), task.answer_schema()):
        jsonschema_rs.meta.validate({"$schema": DRAFT, **schema})
        assert schema["type"] == "object" and schema["additionalProperties"] is False
    asked = jsonschema_rs.validator_for(task.request_schema())
    assert not asked.is_valid({"nobody": "knows this field"}) and not asked.is_valid([])


@every
def test_every_field_is_described_or_called_by_what_it_holds(task: Task) -> None:
    for path, description in said(task.request, "request", ()):
        assert description or path.rpartition(".")[2] in PLAIN, f"{task.name}: {path}"
    for path, description in said(task.result, "answer", ()):
        assert description or path.rpartition(".")[2] in PLAIN, f"{task.name}: {path}"


def said(kind: Any, path: str, above: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    """The path and the description of each field, and of those of types within it."""
    for name, field in fields_of(kind).items():
        yield f"{path}.{name}", field.description
        for inner in parts(field.hint):
            if inner not in above:
                yield from said(inner, f"{path}.{name}", (*above, kind))


def parts(hint: Any) -> Iterator[Any]:
    """The types of the project that a type is made of."""
    if getattr(hint, "__module__", "").startswith("repertoire") and isinstance(hint, type):
        yield hint
    for each in typing.get_args(hint):
        yield from parts(each)


@every
def test_rows_are_fields_and_seeds_are_seeds(task: Task) -> None:
    fields = fields_of(task.request)
    assert {task.rows, *task.others.values()} <= fields.keys()
    assert task.columns is None or task.columns.field in fields
    assert task.column not in task.others
    if task.seeded:
        assert fields["seed"].hint == Seed
        assert "seed" in fields_of(task.result), "who draws says by which seed"
    for field in fields.values():
        assert field.required or field.default is None or field.schema["default"] == field.default


@every
def test_a_task_says_what_it_is_for_and_what_it_does(task: Task) -> None:
    assert task.use[0].islower() and not task.use.endswith(".")
    first, _, rest = task.description.partition("\n")
    assert first[0].isupper() and first.endswith(".")
    assert not rest or rest.startswith("\n"), "the first line is the summary"


@every
def test_an_example_needs_nothing_that_is_known(task: Task) -> None:
    example = task.example(Known())
    assert example.keys() <= fields_of(task.request).keys()
    needed = {name for name, field in fields_of(task.request).items() if field.required}
    assert needed <= example.keys()


@pytest.fixture
def springs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A model with a task whose module is one file beside those of the runtime.

    Its spring is 40 mm long, and 30 mm more a newton.
    """
    (tmp_path / "more").mkdir()
    shutil.copy(ADDED, tmp_path / "more")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path / "more")])
    found = tasks._found()
    monkeypatch.setattr(tasks, "TASKS", found)
    monkeypatch.setattr(card, "TASKS", found)
    folder = tmp_path / "models/hooke"
    inputs, outputs = [("load", "float32", ("batch",), 0, 7)], [("length", "float32", ("batch",))]
    nodes = [
        helper.make_node("Mul", ["load", "slope"], ["more"]),
        helper.make_node("Add", ["more", "rest"], ["length"]),
    ]
    weights = {"slope": np.array(30, np.float32), "rest": np.array(40, np.float32)}
    model = standins.graph_model(nodes, inputs, outputs, weights)
    entry = standins.graph_entry(folder, "stretch", model, inputs, outputs)
    standins.write_manifest(folder, "line", ["stretch"], [entry])
    place = folder / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "facts": {"heaviest": 3}}))
    yield folder
    del sys.modules["repertoire.runtime.tasks.springs"]


def test_a_task_is_added_by_one_file(springs: Path, tmp_path: Path) -> None:
    repository = Repository(springs.parent)
    repository.refresh()
    plane = Plane(repository)
    with TestClient(create_app(Service(repository, plane), poll_seconds=3600)) as client:
        paths = client.get("/openapi.json").json()["paths"]
        post = paths["/v1/models/{name}/stretch"]["post"]
        asked = post["requestBody"]["content"]["application/json"]["examples"]["hooke"]["value"]
        answer = client.post("/v1/models/hooke/stretch", json=asked)
        about = client.get("/v1/models/hooke/stretch").json()
    assert post["summary"] == about["description"] == "How long springs become."
    assert asked == about["example"] == {"loads": [0, 3]}
    assert answer.json() == {"results": [{"length": 40}, {"length": 130}]}

    model = load(springs)
    assert model.stretch(2) == {"length": 100}
    assert model.stretch.__doc__ == "How long springs become."

    (tmp_path / "loads.csv").write_text("load\n0\n1\n", encoding="utf-8")
    files = [str(tmp_path / name) for name in ("loads.csv", "lengths.jsonl")]
    assert batch.main(["hooke", "stretch", *files, "--models", str(springs.parent)]) == 0
    lines = (tmp_path / "lengths.jsonl").read_text().splitlines()
    assert [json.loads(line)["length"] for line in lines] == [40, 70]

    manifest = {"tasks": ["stretch"], "facts": {"heaviest": 3}}
    [line] = card.requests("hooke", manifest, recipe(), [])
    assert "v1/models/hooke/stretch" in line and '{"loads": [0, 3]}' in line
    assert "telling how long a spring becomes" in card.intended_use(["stretch"], "springs")
