"""params.yaml as typed blocks: what a recipe shares with its family is filled in here.

YAML's own means of sharing do not survive DVC's writer: `dvc exp run -S` expands merged keys, and
an alias of a mapping is one node, so that a change of one recipe changes all. Hence plain names: a
data set names its ``sources``, a recipe its ``family``.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from repertoire.config import (
    ConfigError,
    Count,
    Positive,
    Seed,
    parse,
    read_yaml,
    section,
)
from repertoire.data.sources import Source

PARAMS = Path("params.yaml")
STRONGEST = "strongest"  # as a gate's baseline: whichever is best in the gate's metric
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a folder, a registered model and a DVC stage


@dataclass(frozen=True)
class Raw:
    """Files of somebody's own in raw/<data set>/, under DVC: where they came from, their terms."""

    origin: str
    licence: str


@dataclass(frozen=True)
class DatasetParams:
    """One block of ``datasets``: ``config`` belongs to the reader, ``baseline`` to its kind.

    ``raw`` is None where a data set is made of pinned ``sources`` alone; ``expectations`` are more
    than its reader states: classes of Great Expectations with their arguments.
    """

    reader: str
    sources: Mapping[str, Source]
    raw: Raw | None
    config: Mapping[str, Any]
    baseline: Mapping[str, Any]
    expectations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Gate:
    """The metric that decides, and by how many of its standard errors it must beat a baseline.

    None wanted: any lead will do; a number below 0: it may be behind by as many. ``baseline`` may
    be ``strongest``: the best of all in this metric. ``champion`` says whether a model that fails
    may become champion of the registry.
    """

    metric: str
    better: Literal["lower", "higher"]
    baseline: str
    standard_errors: float
    champion: Literal["passed", "always"]


@dataclass(frozen=True)
class Training:
    """How long to train and how often to save."""

    epochs: Count
    threads: Count
    checkpoint_seconds: Positive
    record_steps: Count


@dataclass(frozen=True)
class Recipe:
    """One block of ``recipes``; ``config`` belongs to the family."""

    title: str
    family: str
    dataset: str
    seed: Seed
    training: Training
    gate: Gate
    config: Mapping[str, Any]


@dataclass(frozen=True)
class StudyParams:
    """One block of ``studies``; ``config`` belongs to the module."""

    title: str
    module: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """Tolerances of the comparison between the two engines, and the slice they are run on."""

    slice_rows: Count
    value_tolerance: Positive
    metric_tolerance: Positive
    largest_batch: Count
    largest_axis: Count
    threads: Count


class Params:
    """The blocks of one params.yaml by name. Every method raises ConfigError with the place."""

    def __init__(self, content: Mapping[str, Any], source: str = PARAMS.name) -> None:
        self.content, self.source = content, source

    def names(self, part: str) -> list[str]:
        """The items of ``datasets``, ``recipes`` or ``studies``, in their order."""
        names = list(section(self.content, part, source=self.source))
        if wrong := [name for name in names if not NAME.fullmatch(str(name))]:
            raise ConfigError(
                f"{self.source}.{part}.{wrong[0]}: not a name; use letters, digits, _ and -"
            )
        return names

    def dataset(self, name: str) -> DatasetParams:
        """A data set with its sources, which it names, in full."""
        block = dict(self._block("datasets", name))
        block.setdefault("raw", None)
        block.setdefault("expectations", [])
        place = self._place("datasets", name)
        if isinstance(named := block.get("sources"), Mapping):
            known = section(self.content, "sources", source=self.source) if named else {}
            for key, source in named.items():
                if not isinstance(source, str) or source not in known:
                    there = ", ".join(sorted(known)) or "none"
                    raise ConfigError(
                        f"{place}.sources.{key}: no source {source!r}; there are: {there}"
                    )
            block["sources"] = {key: known[source] for key, source in named.items()}
        return parse(DatasetParams, block, place)

    def recipe(self, name: str) -> Recipe:
        """A recipe with what it shares: ``training``, ``gate``, its family's of ``families``."""
        block = dict(self._block("recipes", name))
        shared = {
            "training": section(self.content, "training", source=self.source),
            "gate": section(self.content, "gate", source=self.source),
            "config": self._family(block.get("family")),
        }
        for part, base in shared.items():
            if isinstance(own := block.get(part), Mapping):
                block[part] = {**own, **{key: base[key] for key in base if key not in own}}
        return parse(Recipe, block, self._place("recipes", name))

    def study(self, name: str) -> StudyParams:
        """The block of a study."""
        return parse(StudyParams, self._block("studies", name), self._place("studies", name))

    def export(self) -> Export:
        """The block ``export``."""
        block = section(self.content, "export", source=self.source)
        return parse(Export, block, f"{self.source}.export")

    def _family(self, family: Any) -> Mapping[str, Any]:
        families = section(self.content, "families", source=self.source)
        if not isinstance(family, str) or family not in families:
            return {}
        return section(families, family, source=f"{self.source}.families")

    def _block(self, part: str, name: str) -> Mapping[str, Any]:
        return section(self.content, part, name, source=self.source)

    def _place(self, part: str, name: str) -> str:
        return f"{self.source}.{part}.{name}"


def read_params() -> Params:
    """params.yaml of the working directory, or the file that ``REPERTOIRE_PARAMS`` names."""
    path = Path(os.environ.get("REPERTOIRE_PARAMS", PARAMS))
    return _parsed(path, path.resolve(), path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _parsed(path: Path, _place: Path, _changed: int) -> Params:
    return Params(read_yaml(path))


def dataset_names() -> list[str]:
    """Every data set of params.yaml, in its order."""
    return read_params().names("datasets")


def recipe_names() -> list[str]:
    """Every recipe of params.yaml, in its order."""
    return read_params().names("recipes")


def study_names() -> list[str]:
    """Every study of params.yaml, in its order."""
    return read_params().names("studies")


def dataset_params(name: str) -> DatasetParams:
    """The block of a data set."""
    return read_params().dataset(name)


def recipe_params(name: str) -> Recipe:
    """The block of a recipe."""
    return read_params().recipe(name)


def study_params(name: str) -> StudyParams:
    """The block of a study."""
    return read_params().study(name)


def export_params() -> Export:
    """The block ``export``."""
    return read_params().export()


def family_config(recipe: Recipe, name: str, cls: type) -> Any:
    """The family's own part of a recipe."""
    return parse(cls, recipe.config, f"{PARAMS.name}.recipes.{name}.config")


def deciding(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe decides its weights: not its title, and of the gate what is watched."""
    block = asdict(recipe)
    del block["title"]
    block["gate"] = {"metric": recipe.gate.metric, "better": recipe.gate.better}
    return block
