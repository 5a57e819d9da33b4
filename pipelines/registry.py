"""The MLflow registry: runs, versions, and the aliases ``challenger`` and ``champion``."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from repertoire.config import RepertoireError
from repertoire.contract import Arrays, Port
from repertoire.data.files import read_json
from repertoire.export.example import example
from repertoire.metrics.gate import margin_over

EXPERIMENT = "repertoire"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous_champion"
DEFAULT_STORE = "sqlite:///mlflow.db"
REQUIREMENTS = ["onnxruntime==1.31.1", "onnx==1.23.2", "numpy"]


@contextmanager
def open_registry() -> Iterator[MlflowClient]:
    """A client of ``MLFLOW_TRACKING_URI``, by default a SQLite file beside a folder.

    The lock keeps two processes from creating the database at once, which breaks it for ever.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_STORE)
    Path(".dvc/tmp").mkdir(parents=True, exist_ok=True)
    with Path(".dvc/tmp/registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri(uri)
            client = MlflowClient()
            if client.get_experiment_by_name(EXPERIMENT) is None:
                location = Path("mlartifacts").resolve().as_uri() if uri == DEFAULT_STORE else None
                client.create_experiment(EXPERIMENT, artifact_location=location)
            yield client
        except MlflowException as error:
            first = str(error).splitlines()[0]
            raise RepertoireError(f"MLflow at {uri}: {first}; check MLFLOW_TRACKING_URI") from error


def content_digest(manifest: dict[str, Any]) -> str:
    """sha256 of what a client gets: graphs, encodings and measured metrics, not their history."""
    parts = {
        "graphs": {graph["name"]: graph["sha256"] for graph in manifest["graphs"]},
        "encodings": manifest["encodings"],
        "metrics": manifest["metrics"],
        "data": manifest["digests"]["data"],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find_version(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    """The version that holds this content, if it was registered before."""
    found = client.search_model_versions(f"name='{name}'")
    return next((v for v in found if v.tags.get("content_sha256") == digest), None)


def register_version(
    client: MlflowClient, name: str, folder: Path, params: dict[str, Any]
) -> ModelVersion:
    """One run and one model version for the artifacts in ``folder``; a half-made run is deleted."""
    manifest = read_json(folder / "manifest.json")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None  # open_registry made it
    tags = {
        "content_sha256": content_digest(manifest),
        "data_sha256": manifest["digests"]["data"],
        "git_commit": _git_commit(),
        "dataset": manifest["dataset"],
    }
    run = client.create_run(experiment.experiment_id, run_name=name, tags=tags)
    try:
        _log(client, run.info.run_id, folder, manifest, params)
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "model"
            _save_model(model, folder, manifest)
            client.log_artifacts(run.info.run_id, str(model), "model")
        if not client.search_registered_models(f"name='{name}'"):
            client.create_registered_model(name, description=manifest["title"])
        source = f"{run.info.artifact_uri}/model"
        version = client.create_model_version(name, source, run.info.run_id, tags=tags)
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        client.delete_run(run.info.run_id)
        raise
    client.set_terminated(run.info.run_id)
    client.set_registered_model_alias(name, CHALLENGER, version.version)
    return version


def _log(
    client: MlflowClient, run_id: str, folder: Path, manifest: dict[str, Any], params: Any
) -> None:
    history = read_json(folder / "trained/history.json")
    metrics = [
        mlflow.entities.Metric(f"{split}_{key}", float(value), 0, int(row[step]))
        for split, rows, step in (
            ("train", history["steps"], "step"),
            ("valid", history["epochs"], "steps_done"),
        )
        for row in rows
        for key, value in row.items()
        if key not in ("step", "epoch", "steps_done")
    ]
    metrics += [
        mlflow.entities.Metric(key, float(value), 0, 0)
        for key, value in manifest["metrics"].items()
    ]
    entries = [mlflow.entities.Param(k, str(v)[:500]) for k, v in _flat(params).items()]
    for start in range(0, len(metrics), 900):
        client.log_batch(run_id, metrics=metrics[start : start + 900])
    client.log_batch(run_id, params=entries)
    client.log_artifacts(run_id, str(folder / "plots"), "plots")
    for name in ("trained/history.json", "metrics.json"):
        client.log_artifact(run_id, str(folder / name))


def _flat(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _save_model(target: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """MLflow's ONNX flavour of the first graph, with manifest and every graph beside it."""
    first = manifest["graphs"][0]
    inputs = tuple(Port(**{**p, "shape": tuple(p["shape"])}) for p in first["inputs"])
    outputs = tuple(Port(**{**p, "shape": tuple(p["shape"])}) for p in first["outputs"])
    mlflow.onnx.save_model(
        onnx.load(folder / first["file"]),
        str(target),
        signature=ModelSignature(_schema(inputs), _schema(outputs)),
        pip_requirements=REQUIREMENTS,
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    sizes = {s: 2 for port in inputs for s in port.shape if isinstance(s, str)}
    _write_example(target / "input_example.json", example(inputs, sizes, np.random.default_rng(0)))
    shutil.copy(folder / "manifest.json", target)
    shutil.copytree(folder / "onnx", target / "onnx")


def _schema(ports: tuple[Port, ...]) -> Schema:
    return Schema(
        [
            TensorSpec(
                np.dtype(p.dtype), [-1 if isinstance(s, str) else s for s in p.shape], p.name
            )
            for p in ports
        ]
    )


def _write_example(path: Path, arrays: Arrays) -> None:
    path.write_text(json.dumps({"inputs": {k: v.tolist() for k, v in arrays.items()}}))
    model = path.parent / "MLmodel"
    info = "saved_input_example_info:\n  artifact_path: input_example.json\n"
    info += "  type: ndarray\n  format: tf-serving\n"
    model.write_text(model.read_text() + info)


def _git_commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "not a git checkout"


def champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """The version that serves, if any."""
    models = client.search_registered_models(f"name='{name}'")
    number = models[0].aliases.get(CHAMPION) if models else None
    return client.get_model_version(name, number) if number else None


def refusal(
    client: MlflowClient, name: str, manifest: dict[str, Any], gate: dict[str, Any]
) -> str | None:
    """Why this model may not become champion, or None: parity is export's, the rest is here."""
    if not gate["passed"]:
        return f"{gate['metric']} beats {gate['baseline']} by {gate['margin']:.6g} only"
    present = champion(client, name)
    if present is None or present.tags.get("data_sha256") != manifest["digests"]["data"]:
        return None
    key = f"test_{gate['metric']}"
    held = client.get_run(str(present.run_id)).data.metrics[key]
    if margin_over(gate["better"], manifest["metrics"][key], held) < 0:
        return f"champion version {present.version} has {key} {held:.6g}, which is better"
    return None


def promote(client: MlflowClient, name: str, version: str) -> None:
    """Make a version the champion; the one before is kept for ``rollback``."""
    present = champion(client, name)
    if present is not None and present.version != version:
        client.set_registered_model_alias(name, PREVIOUS, present.version)
    client.set_registered_model_alias(name, CHAMPION, version)
