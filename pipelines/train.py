"""train@<recipe>: data -> artifacts/<recipe>/{weights,snapshots}.safetensors, history.json."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from pipelines.stage import Recipe, code_digest, family_config, recipe_params, run_stage
from repertoire.contract import Plan, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.files import digest_text, digest_tree, whole_file, write_json
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
    digests = _digests(recipe, data)
    identity = digest_text(json.dumps([digests, torch.__version__]))[:16]
    saved = Path(".checkpoints") / f"{name}-{identity}.safetensors"
    settings = recipe.training
    result = run_training(
        learner, settings.epochs, watch, saved, settings.checkpoint_seconds, settings.record_steps
    )
    _write(Path("artifacts") / name, result, digests)
    saved.unlink()


def _digests(recipe: Recipe, data: Dataset) -> dict[str, str]:
    return {
        "data": digest_tree([data.folder]),
        "params": digest_text(json.dumps(asdict(recipe), sort_keys=True)),
        "code": code_digest(recipe.family),
    }


def _write(folder: Path, result: Trajectory, digests: dict[str, str]) -> None:
    with whole_file(folder / "weights.safetensors") as partial:
        partial.write_bytes(save({k: v.clone() for k, v in result.best_weights.items()}))
    names = result.snapshots[0]
    frames = {k: torch.stack([s[k] for s in result.snapshots]) for k in names}
    with whole_file(folder / "snapshots.safetensors") as partial:
        partial.write_bytes(save(frames))
    history = {"digests": digests, "epochs": result.epochs, "steps": result.steps}
    write_json(folder / "history.json", history)


if __name__ == "__main__":
    run_stage("train", train)
