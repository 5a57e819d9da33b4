"""A registered model's folder: the manifest, each graph once, and MLflow's description of it."""

import functools
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
from repertoire.runtime.model import Model as TaskModel
from repertoire.runtime.model import read_model

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
SENT = "serving_input_example.json"  # the same as it is sent to `mlflow models serve`
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
    model = read_model(content.folder)
    given = example(model)
    if given is not None:
        (target / EXAMPLE).write_text(json.dumps(given), encoding="utf-8")
        (target / SENT).write_text(json.dumps({"inputs": given}), encoding="utf-8")
    (target / "requirements.txt").write_text(_requirements(), encoding="utf-8")
    environment: dict[str, Any] = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "dependencies": ["-r requirements.txt"],
    }
    (target / ENVIRONMENT).write_text(yaml.safe_dump(environment), encoding="utf-8")
    _described(model, given is not None).save(target / "MLmodel")


@functools.cache
def _requirements() -> str:
    return "".join(f"{name}=={version(name)}\n" for name in REQUIRED)


def _described(registered: TaskModel, has_example: bool) -> Model:
    graphs = list(registered.manifest.graphs.values())
    held = {"artifact_path": EXAMPLE, "serving_input_path": SENT, "type": "json_object"}
    model = Model(
        signature=signature(registered),
        saved_input_example_info=held if has_example else None,
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
