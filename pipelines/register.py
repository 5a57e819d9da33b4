"""register@<recipe>: onnx + metrics -> one MLflow run and model version, and its alias."""

from dataclasses import asdict
from pathlib import Path

from pipelines.registry import (
    champion,
    content_digest,
    find_version,
    open_registry,
    promote,
    refusal,
    register_version,
)
from pipelines.stage import recipe_params, run_stage
from repertoire.data.files import read_json, write_json


def register(name: str) -> None:
    """Register what ``evaluate`` signed, unless the same content is there already."""
    folder = Path("artifacts") / name
    manifest = read_json(folder / "manifest.json")
    gate = read_json(folder / "metrics.json")["gate"]
    digest = content_digest(manifest)
    with open_registry() as client:
        version = find_version(client, name, digest)
        if version is None:
            why = refusal(client, name, manifest, gate)
            version = register_version(client, name, folder, asdict(recipe_params(name)))
            if why is None:
                promote(client, name, version.version)
            print(
                f"{name}: version {version.version} registered; "
                + (f"challenger, not champion: {why}" if why else "champion")
            )
        else:
            present = champion(client, name)
            print(
                f"{name}: version {version.version} holds this content already; champion is "
                f"{present.version if present else 'none'}"
            )
    record = {"name": name, "version": str(version.version), "content_sha256": digest}
    write_json(folder / "registration.json", record)


if __name__ == "__main__":
    run_stage("register", register)
