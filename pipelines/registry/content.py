"""What a recipe has to register: the files that ``evaluate`` signed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.artifact import ARTIFACTS, MANIFEST, RESULTS, check_graphs, read_artifact
from pipelines.params import Recipe, recipe_params


@dataclass(frozen=True)
class Content:
    """The artifacts of one recipe; ``digest`` is what they are known by in the registry."""

    name: str
    folder: Path
    recipe: Recipe
    manifest: dict[str, Any]
    gate: Mapping[str, Any]  # as `evaluate` decided it: its metric may have another name since
    digest: str

    @property
    def better(self) -> str:
        """Which value of the gate's metric is better."""
        return str(self.gate.get("better", self.recipe.gate.better))


def read_content(name: str) -> Content:
    """Raises RepertoireError for a recipe that is not in params.yaml or was not evaluated."""
    recipe, folder = recipe_params(name), ARTIFACTS / name
    manifest = read_artifact(name, MANIFEST)
    gate = read_artifact(name, RESULTS)["gate"]
    return Content(name, folder, recipe, manifest, gate, _digest(manifest))


def verify(content: Content) -> None:
    """Raises RepertoireError unless every graph is the file that the manifest names."""
    check_graphs(content.name, content.manifest["graphs"], MANIFEST)


def _digest(manifest: dict[str, Any]) -> str:
    """sha256 of what a client gets: graphs, encodings and measured metrics, not their history."""
    parts = {
        "graphs": {graph["name"]: graph["sha256"] for graph in manifest["graphs"]},
        "encodings": manifest["encodings"],
        "metrics": manifest["metrics"],
        "data": manifest["digests"]["data"],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
