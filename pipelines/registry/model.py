"""A registered model's folder: the manifest, each graph once, and MLflow's description of it."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.models import Model

from pipelines.registry.content import Content
from pipelines.registry.signature import example, signature
from repertoire.runtime.manifest import Manifest, parse

# At the versions that were tested here.
REQUIRED = (
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pillow",
    "repertoire",
    "tokenizers",
)
EXAMPLE = "input_example.json"
ENVIRONMENT = "python_env.yaml"


def write_model(target: Path, content: Content) -> None:
    """Two flavours: the tasks as a python_function, and the first graph as ONNX.

    Graphs are links to the artifacts: whoever uploads the folder reads through them. The function
    is a module of this project, so that a version holds neither code nor pickle.
    """
    (target / "onnx").mkdir(parents=True)
    for path in sorted((content.folder / "onnx").iterdir()):
        (target / "onnx" / path.name).symlink_to(path.resolve())
    (target / "manifest.json").symlink_to((content.folder / "manifest.json").resolve())
    manifest = parse(json.dumps(content.manifest).encode())
    (target / EXAMPLE).write_text(json.dumps(example(manifest)), encoding="utf-8")
    requirements = "".join(f"{name}=={version(name)}\n" for name in REQUIRED)
    (target / "requirements.txt").write_text(requirements, encoding="utf-8")
    environment: dict[str, Any] = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "dependencies": ["-r requirements.txt"],
    }
    (target / ENVIRONMENT).write_text(yaml.safe_dump(environment), encoding="utf-8")
    _described(manifest).save(target / "MLmodel")


def _described(manifest: Manifest) -> Model:
    graphs = list(manifest.graphs.values())
    model = Model(
        signature=signature(manifest),
        saved_input_example_info={"artifact_path": EXAMPLE, "type": "json_object"},
        model_size_bytes=sum(graph.size for graph in graphs),
    )
    mlflow.pyfunc.add_to_model(model, loader_module="serving.pyfunc", python_env=ENVIRONMENT)
    model.add_flavor(
        "onnx",
        onnx_version=version("onnx"),
        data=graphs[0].file,
        providers=["CPUExecutionProvider"],
        onnx_session_options=None,
        code=None,
    )
    return model
