"""train@<recipe>: data -> artifacts/<recipe>/trained/: weights, snapshots, history."""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from pipelines.code import closure, digests
from pipelines.stage import (
    Recipe,
    deciding,
    family_config,
    family_modules,
    recipe_params,
    run_stage,
)
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.files import digest_text, digest_tree, whole_folder, write_json
from repertoire.engines.torch_engine import TorchRun
from repertoire.training.loop import Trajectory, Watch
from repertoire.training.loop import train as run_training
from repertoire.training.process import settle


def train(name: str) -> None:
    """Train one recipe; a killed run goes on from its last checkpoint."""
    recipe = recipe_params(name)
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset)
    settle(recipe.seed, recipe.training.threads)
    network = family.build(config, data.facts)
    learner = family.learner(network, config, data, Plan(recipe.seed, recipe.training.epochs))
    run = TorchRun(family.graphs(network, data.facts))
    watch = Watch(
        validate=lambda: family.evaluate(run, config, data, "valid"),
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
    _write(Path("artifacts") / name / "trained", result, decided_by)
    saved.unlink()


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


if __name__ == "__main__":
    run_stage("train", train)
