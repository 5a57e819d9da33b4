"""A registered model's folder: the manifest, each graph once, and MLflow's description of it."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from pipelines.registry.content import Content
from repertoire.contract import Port
from repertoire.export.example import example

REQUIRED = ("mlflow", "numpy", "onnx", "onnxruntime")  # at the versions that were tested here
EXAMPLE = "input_example.json"
ENVIRONMENT = "python_env.yaml"
EXAMPLE_SIZE = 2  # of every dynamic axis


def write_model(target: Path, content: Content) -> None:
    """MLflow's ONNX flavour of the first graph, with the manifest and every graph.

    Graphs are links to the artifacts: whoever uploads the folder reads through them.
    """
    (target / "onnx").mkdir(parents=True)
    for path in sorted((content.folder / "onnx").iterdir()):
        (target / "onnx" / path.name).symlink_to(path.resolve())
    (target / "manifest.json").symlink_to((content.folder / "manifest.json").resolve())
    first = content.manifest["graphs"][0]
    inputs, outputs = _ports(first["inputs"]), _ports(first["outputs"])
    _write_example(target / EXAMPLE, inputs)
    requirements = "".join(f"{name}=={version(name)}\n" for name in REQUIRED)
    (target / "requirements.txt").write_text(requirements, encoding="utf-8")
    environment = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "dependencies": ["-r requirements.txt"],
    }
    (target / ENVIRONMENT).write_text(yaml.safe_dump(environment), encoding="utf-8")
    described = _describe(content.manifest, ModelSignature(_schema(inputs), _schema(outputs)))
    # MLflow's wrapper of onnxruntime looks for MLmodel in the folder of the graph.
    for folder in (target, target / "onnx"):
        described.save(folder / "MLmodel")


def _describe(manifest: dict[str, Any], signature: ModelSignature) -> Model:
    data = manifest["graphs"][0]["file"]
    model = Model(
        signature=signature,
        # MLflow reads a mapping of arrays as it stands: anything around it counts as an input.
        saved_input_example_info={"artifact_path": EXAMPLE, "type": "ndarray"},
        model_size_bytes=sum(graph["bytes"] for graph in manifest["graphs"]),
    )
    mlflow.pyfunc.add_to_model(
        model, loader_module="mlflow.onnx", data=data, python_env=ENVIRONMENT
    )
    model.add_flavor(
        "onnx",
        onnx_version=version("onnx"),
        data=data,
        providers=["CPUExecutionProvider"],
        onnx_session_options=None,
        code=None,
    )
    return model


def _ports(records: list[dict[str, Any]]) -> tuple[Port, ...]:
    return tuple(Port(**{**record, "shape": tuple(record["shape"])}) for record in records)


def _schema(ports: tuple[Port, ...]) -> Schema:
    return Schema(
        [
            TensorSpec(
                np.dtype(p.dtype), [-1 if isinstance(s, str) else s for s in p.shape], p.name
            )
            for p in ports
        ]
    )


def _write_example(path: Path, inputs: tuple[Port, ...]) -> None:
    sizes = {s: EXAMPLE_SIZE for port in inputs for s in port.shape if isinstance(s, str)}
    arrays = example(inputs, sizes, np.random.default_rng(0))
    text = json.dumps({name: array.tolist() for name, array in arrays.items()})
    path.write_text(text, encoding="utf-8")
