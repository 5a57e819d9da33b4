"""train@<recipe>: data -> artifacts/<recipe>/trained/: weights, snapshots, history."""

import csv
import json
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from pipelines.artifact import ARTIFACTS
from pipelines.code import closure, digests
from pipelines.params import (
    Recipe,
    deciding,
    family_config,
    recipe_names,
    recipe_params,
)
from pipelines.stage import family_modules, run_stage
from pipelines.times import TrainingTimes, write_times
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.files import (
    digest_file,
    digest_text,
    digest_tree,
    read_json,
    whole_folder,
    write_json,
)
from repertoire.metrics.uncertainty import values
from repertoire.training.loop import Trajectory, Watch
from repertoire.training.loop import train as run_training
from repertoire.training.process import settle
from repertoire.training.torch_run import TorchRun


def train(name: str) -> float:
    """Train one recipe; a killed run goes on from its last checkpoint. Returns its seconds."""
    result, decided_by, saved = _trained(name)
    folder = ARTIFACTS / name
    _write(folder / "trained", result, decided_by)
    _write_curves(folder / "curves", result, recipe_params(name).gate.metric)
    weights = digest_file(folder / "trained/weights.safetensors")
    write_times(name, TrainingTimes(weights, result.started, result.step_times, result.epoch_times))
    saved.unlink()
    print(f"{name}: {result.epoch} epochs in {result.seconds:.0f} s")
    return result.seconds


def ahead(name: str) -> None:
    """Train up to the last checkpoint, from which `train` will go on: no output is written."""
    _trained(name)


def following(known: Set[str], prepared: Set[str]) -> Iterator[str]:
    """Recipes besides those known, in their order, whose data sets are prepared."""
    for name in recipe_names():
        if name not in known and recipe_params(name).dataset in prepared:
            yield name


def is_due(name: str) -> bool:
    """Whether a recipe takes one thread and has data, but no weights of these data and settings."""
    recipe, history = recipe_params(name), ARTIFACTS / name / "trained/history.json"
    if recipe.training.threads > 1 or not (Path("data") / recipe.dataset / "facts.json").exists():
        return False
    decided_by = _digests(recipe, Dataset(Path("data") / recipe.dataset))
    return not history.exists() or read_json(history)["digests"] != decided_by


def _trained(name: str) -> tuple[Trajectory, dict[str, str], Path]:
    recipe = recipe_params(name)
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset)
    settle(recipe.seed, recipe.training.threads)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(recipe.seed, recipe.training.epochs))
    run = TorchRun(family.graphs(network, data.facts))
    watch = Watch(
        validate=lambda: values(family.evaluate(run, config, data, "valid")),
        snapshot=lambda: family.snapshot(run, config, data),
        metric=recipe.gate.metric,
        better=recipe.gate.better,
    )
    decided_by = _digests(recipe, data)
    identity = digest_text(json.dumps([decided_by, torch.__version__]))[:16]
    saved = Path(".checkpoints") / f"{name}-{identity}.safetensors"
    settings = recipe.training
    result = run_training(
        learner, settings.epochs, watch, saved, settings.checkpoint_seconds, settings.record_steps
    )
    return result, decided_by, saved


def _digests(recipe: Recipe, data: Dataset) -> dict[str, str]:
    modules = ["pipelines.train", *family_modules(recipe.family, "train")]
    return {
        "data": digest_tree([data.folder]),
        "params": digest_text(json.dumps(deciding(recipe), sort_keys=True)),
        "code": digest_text(json.dumps(digests(closure(modules)))),
    }


def _write(folder: Path, result: Trajectory, decided_by: dict[str, str]) -> None:
    weights = {key: value.clone() for key, value in result.best_weights.items()}
    frames = {k: torch.stack([s[k] for s in result.snapshots]) for k in result.snapshots[0]}
    history = {"digests": decided_by, "epochs": result.epochs, "steps": result.steps}
    with whole_folder(folder) as partial:
        (partial / "weights.safetensors").write_bytes(save(weights))
        (partial / "snapshots.safetensors").write_bytes(save(frames))
        write_json(partial / "history.json", history)


def _write_curves(folder: Path, result: Trajectory, metric: str) -> None:
    """Learning curves for ``dvc plots``: a CSV file of steps and values each.

    The training loss is the first that a step reports; validation is of the metric of the gate.
    """
    curves: dict[str, list[tuple[Any, Any]]] = {}
    if result.steps:
        loss = next(key for key in result.steps[0] if key != "step")
        curves[f"training_{loss}"] = [(row["step"], row[loss]) for row in result.steps]
    curves[f"validation_{metric}"] = [(row["steps_done"], row[metric]) for row in result.epochs]
    with whole_folder(folder) as partial:
        for name, rows in curves.items():
            with (partial / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([("step", "value"), *rows])


if __name__ == "__main__":
    run_stage("train", train)
