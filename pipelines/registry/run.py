"""The MLflow run of one registration: made, filled, finished, or removed without a trace."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from pipelines.artifact import EVALUATION, HISTORY, RESULTS
from pipelines.registry.connection import (
    despite_others,
    registry_experiment,
    single_attempts,
    upload_timeout,
)
from pipelines.registry.content import Content
from pipelines.registry.description import write_figures
from pipelines.registry.model import write_model
from pipelines.registry.provenance import checkout, source_tags, training_data, training_times
from repertoire.data.files import read_json

MODEL = "model"  # the model's folder among the artifacts of its run
FILES = (HISTORY, RESULTS)  # besides the model and the figures
METRICS_A_BATCH, PARAMS_A_BATCH = 900, 100  # MLflow takes no more at once
ABANDONED_SECONDS = 3600.0  # after which an unfinished run of another checkout is given up
NO_TIMES = "not recorded in this checkout"


def create_run(client: MlflowClient, content: Content) -> Run:
    """A run with everything in it, still unfinished: `finish_run` is for when its version stands.

    A run that cannot be filled is taken back. Whoever is killed meanwhile leaves one that
    `unfinished_runs` finds.
    """
    run = _new_run(client, content)
    try:
        _fill(client, run.info.run_id, content)
        upload(content, run.info.artifact_uri)
    except Exception:
        with single_attempts():
            _take_back(client, run)
        raise
    return run


def _take_back(client: MlflowClient, run: Run) -> None:
    """What cannot be removed now is left for `unfinished_runs`, or for `mlflow gc`."""
    for remove in (lambda: _delete_artifacts(run), lambda: client.delete_run(run.info.run_id)):
        with contextlib.suppress(Exception):  # the error that led here is raised
            remove()


def _new_run(client: MlflowClient, content: Content) -> Run:
    times = training_times(content)
    now = _milliseconds(time.time())
    tags = {
        **content_tags(content),
        **source_tags(content.name),
        "upload_began": str(now),
        "training_times": "recorded" if times else NO_TIMES,
    }
    if times:
        tags["training_ended"] = str(_milliseconds(times.epochs[-1]))
    started = _milliseconds(times.started) if times else now
    experiment = str(registry_experiment(client).experiment_id)
    return client.create_run(experiment, started, tags, content.name)


def _fill(client: MlflowClient, run_id: str, content: Content) -> None:
    for metrics in _batches(_metrics(content), METRICS_A_BATCH):
        client.log_batch(run_id, metrics=metrics)
    params = [Param(key, str(value)) for key, value in _flat(asdict(content.recipe)).items()]
    for some in _batches(params, PARAMS_A_BATCH):
        client.log_batch(run_id, params=some)
    data = [training_data(content)]
    despite_others(lambda: client.log_inputs(run_id, data))


def content_tags(content: Content) -> dict[str, str]:
    """Tags of run and version: what decides about them later, on whatever machine."""
    wanted, metric = content.recipe.gate, f"test_{content.gate['metric']}"
    value = content.manifest["metrics"][metric]
    return {
        "content_sha256": content.digest,
        "data_sha256": content.manifest["digests"]["data"],
        "dataset": content.recipe.dataset,
        "gate": f"{metric} {value:.6g} against {content.gate['baseline']}, "
        f"to be beaten by more than {wanted.standard_errors:g} "
        f"standard error{'' if wanted.standard_errors == 1 else 's'}",
        "gate_metric": metric,
        "gate_value": repr(float(value)),
        "gate_better": content.better,
        "gate_passed": str(bool(content.gate["passed"])).lower(),
        "champion_if": wanted.champion,
        "verdict": content.manifest["verdict"]["verdict"],
        "registered_by": checkout(),
    }


def upload(content: Content, place: str) -> None:
    """Put all artifacts of a run at ``place``, a URI."""
    with tempfile.TemporaryDirectory() as scratch, upload_timeout():
        folder = Path(scratch)
        write_model(folder / MODEL, content)
        write_figures(folder / "plots", content.folder / EVALUATION)
        for name in FILES:
            source = content.folder / name
            (folder / source.name).symlink_to(source.resolve())
        get_artifact_repository(place).log_artifacts(scratch)


def finish_run(client: MlflowClient, run: Run) -> None:
    """Mark a run as done, at the time when its training ended."""
    ended = run.data.tags.get("training_ended")
    client.set_terminated(run.info.run_id, end_time=int(ended) if ended else None)


def remove_run(client: MlflowClient, run: Run) -> None:
    """Delete a run and its artifacts."""
    _delete_artifacts(run)
    client.delete_run(run.info.run_id)


def _delete_artifacts(run: Run) -> None:
    # The run's own folder, which MLflow puts around its artifacts.
    get_artifact_repository(run.info.artifact_uri.removesuffix("/artifacts")).delete_artifacts()


def unfinished_runs(client: MlflowClient) -> Iterator[Run]:
    """Runs whose registration was killed: all of this checkout, of others those an hour old."""
    page: str | None = None
    while page != "":
        runs = client.search_runs(
            [str(registry_experiment(client).experiment_id)],
            "attributes.status = 'RUNNING'",
            max_results=1000,
            page_token=page,
        )
        for run in runs:
            tags = run.data.tags
            began = int(tags.get("upload_began", run.info.start_time)) / 1000
            old = time.time() - began > ABANDONED_SECONDS
            if "content_sha256" in tags and (old or tags.get("registered_by") == checkout()):
                yield run
        page = runs.token or ""


def _metrics(content: Content) -> list[Metric]:
    """Every recorded step, every epoch and the test, each at its time."""
    history = read_json(content.folder / HISTORY)
    times, now = training_times(content), time.time()
    step_times = times.steps if times else [now] * len(history["steps"])
    epoch_times = times.epochs if times else [now] * len(history["epochs"])
    found = [
        Metric(f"{split}_{key}", float(value), _milliseconds(at), int(row[step]))
        for split, rows, moments, step in (
            ("train", history["steps"], step_times, "step"),
            ("valid", history["epochs"], epoch_times, "steps_done"),
        )
        for row, at in zip(rows, moments, strict=True)
        for key, value in row.items()
        if key not in ("step", "epoch", "steps_done")
    ]
    last, steps = epoch_times[-1], int(history["epochs"][-1]["steps_done"])
    measured = content.manifest["metrics"] | {
        f"{key}_standard_error": error for key, error in content.manifest["standard_errors"].items()
    }
    return found + [
        Metric(key, float(value), _milliseconds(last), steps) for key, value in measured.items()
    ]


def _flat(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _batches(values: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def is_whole(content: Content, place: str) -> bool:
    """Whether a model's folder, at a URI, has all its files, and graphs of their size.

    One whose `python_function` was a graph, as code of before 0.9 made it, has a second MLmodel.
    """
    repository = get_artifact_repository(place)
    listed = [*repository.list_artifacts(), *repository.list_artifacts("onnx")]
    sizes = {file.path: file.file_size for file in listed}
    graphs = {graph["file"]: graph["bytes"] for graph in content.manifest["graphs"]}
    described = {"MLmodel", "manifest.json"} <= sizes.keys() and "onnx/MLmodel" not in sizes
    return described and graphs.items() <= sizes.items()


def upload_again(content: Content, place: str) -> None:
    """Repair the artifacts of a run whose model's folder is ``place``, a URI."""
    root = place.removesuffix(f"/{MODEL}")
    get_artifact_repository(root).delete_artifacts()
    upload(content, root)
