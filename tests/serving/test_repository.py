"""Which sessions are kept, what is noticed on disk, and what must load to replace a model."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import helper

from repertoire.runtime import session as session_module
from repertoire.runtime.errors import BadModel, ModelNotFound
from repertoire.runtime.manifest import Graph, parse
from repertoire.runtime.signature import Port
from serving.repository import Repository


def opened(root: Path, **options: Any) -> Repository:
    made = Repository(root, **options)
    made.refresh()
    return made


def session(repository: Repository, name: str, graph: str) -> Any:
    model = repository.model(name)
    return repository.session(model, model.manifest.graph(graph))


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["graphs"][0])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def served(repository: Repository, x: float) -> float:
    found = session(repository, "double", "scale").run(["y"], {"x": np.full((1, 1), x, np.float32)})
    return float(found[0][0, 0])


def test_the_session_that_was_used_longest_ago_is_closed_first(models: Path) -> None:
    repository = opened(models, sessions=2)
    first = session(repository, "double", "scale")
    score = session(repository, "bigram", "score")
    assert session(repository, "double", "scale") is first
    session(repository, "bigram", "next")
    assert session(repository, "double", "scale") is first
    assert session(repository, "bigram", "score") is not score


def test_a_session_that_did_not_open_is_tried_again(models: Path) -> None:
    repository, file = opened(models), models / "double/onnx/scale.onnx"
    whole = file.read_bytes()
    for broken, line in ((whole[:20], "sha256"), (b"", "is empty; export again")):
        file.write_bytes(broken)
        with pytest.raises(BadModel, match=line):
            session(repository, "double", "scale")
    file.unlink()
    with pytest.raises(BadModel, match="cannot be read"):
        session(repository, "double", "scale")
    file.write_bytes(whole)
    assert served(repository, 7) == 14


def test_a_file_that_changes_while_it_is_opened_is_not_used(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stamps = opened(models), itertools.count()
    with monkeypatch.context() as changing:
        changing.setattr(session_module, "stamp", lambda path: (next(stamps), 0, 0))
        with pytest.raises(BadModel, match="changed while it was opened; try again"):
            session(made, "double", "scale")
    assert served(made, 7) == 14


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_a_file_whose_ports_are_not_those_of_its_manifest_is_refused(
    models: Path, kind: str
) -> None:
    rewrite(models / "double", lambda graph: graph[kind][0].update(name="z"))
    with pytest.raises(BadModel, match=rf"scale\.onnx: {kind} .*, manifest \['z'\]"):
        session(opened(models), "double", "scale")


def test_a_new_version_that_does_not_load_leaves_the_old_one_in_service(models: Path) -> None:
    repository = opened(models)
    assert served(repository, 7) == 14
    port = ("batch", "width")
    node = helper.make_node("NoSuchOperator", ["x"], ["y"])
    model = standins.graph_model([node], [("x", "float32", port)], [("y", "float32", port)])
    content = model.SerializeToString()
    (models / "double/onnx/other.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(models / "double", lambda graph: graph.update(file="onnx/other.onnx", sha256=digest))
    for _ in range(2):  # and the problem stays while nothing changes
        repository.refresh()
        assert "NoSuchOperator" in repository.problems["double"]
        assert "stays in service" in repository.problems["double"]
    assert served(repository, 7) == 14


def test_a_graph_that_changes_under_its_manifest_is_noticed(models: Path) -> None:
    repository = opened(models)
    (models / "double/onnx/scale.onnx").write_bytes(b"something else")
    repository.refresh()
    assert "sha256" in repository.problems["double"]


def test_a_model_that_comes_back_as_it_was_is_served_again(models: Path, tmp_path: Path) -> None:
    repository = opened(models)
    (models / "double").rename(tmp_path / "away")
    repository.refresh()
    with pytest.raises(ModelNotFound, match="the models served are: bigram"):
        repository.model("double")
    (tmp_path / "away").rename(models / "double")
    repository.refresh()
    assert served(repository, 7) == 14


def test_a_folder_that_is_hidden_or_has_no_manifest_is_no_model(models: Path) -> None:
    shutil.copytree(models / "double", models / ".being-written")
    (models / "empty").mkdir()
    (models / "note.txt").write_text("no model")
    repository = opened(models)
    assert set(repository.models) == {"bigram", "double", "lstm", "mirror", "negative"}
    assert repository.problems == {}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"sha256": "a" * 65}, "is no sha256"),
        ({"feedback": {"y": "z"}}, "feedback y -> z names no such ports"),
        ({"feedback": {"z": "x"}}, "feedback z -> x names no such ports"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    models: Path, change: dict[str, Any], line: str
) -> None:
    rewrite(models / "double", lambda graph: graph.update(change))
    with pytest.raises(BadModel, match=line):
        parse((models / "double/manifest.json").read_bytes())


@pytest.mark.parametrize(
    ("inputs", "output", "batchable"),
    [
        ((("batch", 3), (2, "batch")), ("batch",), True),
        ((("batch", 3), ()), ("batch",), False),
        ((("batch", 3),), (3,), False),
    ],
)
def test_requests_are_joined_only_where_every_port_has_a_batch_axis(
    inputs: tuple[Any, ...], output: tuple[Any, ...], batchable: bool
) -> None:
    ports = tuple(Port(f"x{n}", "float32", shape) for n, shape in enumerate(inputs))
    graph = Graph("g", "f", "0" * 64, 0, ports, (Port("y", "float32", output),), {})
    assert graph.batchable == batchable
