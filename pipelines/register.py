"""register: onnx + metrics of every recipe -> MLflow runs, model versions and their aliases."""

from dataclasses import asdict
from pathlib import Path

from mlflow import MlflowClient

from pipelines.params import recipe_names, recipe_params
from pipelines.registry import (
    champion,
    content_digest,
    find_version,
    open_registry,
    promote,
    refusal,
    register_version,
)
from pipelines.stage import run_stage
from repertoire.data.files import read_json, write_json

REGISTRATIONS = Path("registrations.json")


def register(*names: str) -> None:
    """Register what ``evaluate`` signed, of these recipes or of all.

    One process for all, because starting MLflow takes longer than registering a model. Content
    that is there already gets no new version, so a run that failed half-way is simply repeated.
    """
    known = read_json(REGISTRATIONS) if names and REGISTRATIONS.exists() else {}
    with open_registry() as client:
        versions = {name: _register(client, name) for name in names or recipe_names()}
    write_json(REGISTRATIONS, known | versions)


def _register(client: MlflowClient, name: str) -> str:
    folder = Path("artifacts") / name
    manifest = read_json(folder / "manifest.json")
    gate = read_json(folder / "metrics.json")["gate"]
    version = find_version(client, name, content_digest(manifest))
    if version is None:
        why = refusal(client, name, manifest, gate)
        version = register_version(client, name, folder, asdict(recipe_params(name)))
        if why is None:
            promote(client, name, version.version)
        rank = f"challenger, not champion: {why}" if why else "champion"
        print(f"{name}: version {version.version} registered; {rank}", flush=True)
    else:
        present = champion(client, name)
        print(
            f"{name}: version {version.version} holds this content already; champion is "
            f"{present.version if present else 'none'}",
            flush=True,
        )
    return str(version.version)


if __name__ == "__main__":
    run_stage("register", register)
