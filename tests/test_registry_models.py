"""Every recipe's registered model loads in MLflow and answers the example that it carries."""

import hashlib
from dataclasses import asdict

import mlflow
import numpy as np
import onnx
import pytest
import torch

from pipelines.registry.content import Content
from pipelines.registry.model import write_model
from repertoire.export.onnx_file import export_graph
from tests.families import RECIPES, small

NAMES = sorted(RECIPES)


def test_every_recipe_is_covered():
    assert len(NAMES) >= 63


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_registered_model_is_answered_by_it(name, project, tmp_path):
    family, config, data, recipe = small(name, project.folder)
    torch.manual_seed(recipe.seed)
    graph = family.graphs(family.build(config, data.facts).eval(), data.facts)[0]
    exported = export_graph(graph)
    (tmp_path / "a/onnx").mkdir(parents=True)
    (tmp_path / f"a/onnx/{graph.name}.onnx").write_bytes(exported)
    (tmp_path / "a/manifest.json").write_text("{}", encoding="utf-8")
    record = {
        "name": graph.name,
        "file": f"onnx/{graph.name}.onnx",
        "sha256": hashlib.sha256(exported).hexdigest(),
        "bytes": len(exported),
        "inputs": [asdict(port) for port in graph.inputs],
        "outputs": [asdict(port) for port in graph.outputs],
    }
    content = Content(name, tmp_path / "a", recipe, {"graphs": [record]}, True, "b", "0" * 64)
    write_model(tmp_path / "model", content)

    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    given = model.input_example
    assert {key: value.dtype for key, value in given.items()} == {
        port.name: np.dtype(port.dtype) for port in graph.inputs
    }
    answer = model.predict(given)
    assert set(answer) == {port.name for port in graph.outputs}
    for port in graph.outputs:
        assert answer[port.name].dtype == np.dtype(port.dtype)
        assert answer[port.name].ndim == len(port.shape)
    loaded = mlflow.onnx.load_model(str(tmp_path / "model"))
    assert loaded == onnx.load_from_string(exported)
    assert len(list((tmp_path / "model").rglob("*.onnx"))) == 1
