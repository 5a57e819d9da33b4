"""The graph `next` of a model in two variants, as our server and MLflow's take them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VARIANTS = {"top_k": ("top_ids", "top_log_probs"), "all_words": ("log_probs",)}


def variant(model: Path, outputs: Sequence[str]) -> Any:
    """The graph `next` from tokens alone to some outputs: its states become zeros inside."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
    from onnx.utils import Extractor

    entry = _entry(model)
    names = [port["name"] for port in entry["inputs"]]
    part = Extractor(onnx.load(model / entry["file"])).extract_model(names, list(outputs))
    one, zero = np.array([1]), np.array(0, np.float32)
    stored = [numpy_helper.from_array(one, "_one"), numpy_helper.from_array(zero, "_zero")]
    nodes = [helper.make_node("Shape", ["tokens"], ["_batch"], start=0, end=1)]
    for state in (port for port in entry["inputs"] if port["name"] != "tokens"):
        name, sizes = state["name"], state["shape"]
        shape = np.array([1 if size == "batch" else size for size in sizes])
        stored.append(numpy_helper.from_array(shape, f"_{name}_shape"))
        ones = ["_batch" if size == "batch" else "_one" for size in sizes]
        nodes.append(helper.make_node("Concat", ones, [f"_{name}_times"], axis=0))
        factors = [f"_{name}_shape", f"_{name}_times"]
        nodes.append(helper.make_node("Mul", factors, [f"_{name}_sizes"]))
        nodes.append(helper.make_node("Expand", ["_zero", f"_{name}_sizes"], [name]))
    inputs = [each for each in part.graph.input if each.name == "tokens"]
    nodes += part.graph.node
    stored += part.graph.initializer
    graph = helper.make_graph(nodes, "next", inputs, part.graph.output, stored)
    return helper.make_model(graph, opset_imports=part.opset_import, ir_version=part.ir_version)


def _entry(model: Path) -> dict[str, Any]:
    manifest = json.loads((model / "manifest.json").read_text())
    return next(graph for graph in manifest["graphs"] if graph["name"] == "next")


def write_for_us(folder: Path, model: Path, proto: Any, outputs: Sequence[str]) -> None:
    """A model folder with the variant as its only graph."""
    entry, content = _entry(model), proto.SerializeToString()
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx/next.onnx").write_bytes(content)
    graph = {
        "name": "next",
        "file": "onnx/next.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs": [port for port in entry["inputs"] if port["name"] == "tokens"],
        "outputs": [port for port in entry["outputs"] if port["name"] in outputs],
    }
    manifest = {"format": "repertoire/1", "name": folder.name, "family": "", "tasks": []}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "graphs": [graph]}))


def write_for_mlflow(folder: Path, proto: Any) -> None:
    """The variant as an MLflow model; other options of the session serve it no faster."""
    import mlflow.onnx
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    signature = ModelSignature(Schema([TensorSpec(np.dtype("int64"), (-1, -1), "tokens")]))
    mlflow.onnx.save_model(
        proto,
        folder,
        signature=signature,
        pip_requirements=["onnxruntime"],
        onnx_execution_providers=["CPUExecutionProvider"],
        onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
        save_as_external_data=False,
    )
