"""`python -m pipelines.results`: what was measured at published scale, beside published figures.

Run it in pipelines/benchmarks, whose params.yaml names a figure to reach for each recipe and study,
or for a baseline of a data set. Prints one row of a Markdown table for each that has been measured.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from pipelines.artifact import ARTIFACTS, RESULTS
from pipelines.params import (
    PARAMS,
    read_params,
    recipe_names,
    recipe_params,
    study_names,
)
from pipelines.split import latest, read
from pipelines.stage import TIMINGS, run_stage
from pipelines.study import FINDINGS
from repertoire.config import RepertoireError, parse, section
from repertoire.data.files import read_json

COLUMNS = (
    "recipe",
    "metric",
    "measured",
    "simple baseline",
    "target",
    "reached",
    "published",
    "training s",
    "commit",
    "machine",
)


@dataclass(frozen=True)
class Target:
    """``value`` is what ``metric`` should reach; ``simple`` names the baseline printed beside it,
    None for a study, which compares rules with each other.

    ``published`` says in words who reached what. ``machine`` is what the recipe was made for.
    """

    metric: str
    better: Literal["lower", "higher"]
    value: float
    simple: str | None
    published: str
    machine: Literal["2 cores", "GPU"]


def targets() -> dict[str, Target]:
    """The section ``targets``: by recipe or study, or data set where a baseline is the result."""
    found = section(read_params().content, "targets", source=PARAMS.name)
    return {n: parse(Target, block, f"{PARAMS.name}.targets.{n}") for n, block in found.items()}


def results(*names: str) -> None:
    """Print the table, of all or of some."""
    known = targets()
    if unknown := [name for name in names if name not in known]:
        raise RepertoireError(f"no target for {unknown[0]}; there are: {', '.join(known)}")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name in names or tuple(known):
        for row in _rows(name, known[name]):
            print(f"| {' | '.join(row)} |")


def _rows(name: str, target: Target) -> Iterator[tuple[str, ...]]:
    """One row, or none where nothing has been measured."""
    if (found := _measured(name)) is None:
        return
    metrics, errors, baselines = found
    for key, values in ((target.metric, metrics), (target.simple, baselines)):
        if key is not None and key not in values:
            raise RepertoireError(f"targets.{name}: no {key!r}; there are: {', '.join(values)}")
    value, simple = metrics[target.metric], target.simple
    reached = value <= target.value if target.better == "lower" else value >= target.value
    yield (
        f"`{name}`",
        target.metric,
        f"{value:.5g} ± {errors[target.metric]:.2g}" if target.metric in errors else f"{value:.5g}",
        f"{baselines[simple]:.5g} ({simple})" if simple else "–",
        f"{'≤' if target.better == 'lower' else '≥'} {target.value:g}",
        "yes" if reached else "**no**",
        target.published,
        _seconds(name),
        _commit(),
        machine(),
    )


def _measured(name: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None:
    """Metrics, standard errors of those that have one, and baselines."""
    if name in study_names():
        found = Path("studies") / name / FINDINGS
        return (read_json(found), {}, {}) if found.exists() else None
    recipe = name in recipe_names()
    dataset = recipe_params(name).dataset if recipe else name
    place, simple = ARTIFACTS / name / RESULTS, Path("baselines") / f"{dataset}.json"
    if not simple.exists() or (recipe and not place.exists()):
        return None
    baselines = read_json(simple)
    if not recipe:
        return baselines, {}, baselines
    measured = read_json(place)
    return measured["test"], measured["standard_errors"], baselines


def _seconds(name: str) -> str:
    spent = (r for r in latest(read(TIMINGS)) if r.stage in ("train", "study") and r.item == name)
    return next((f"{record.result_s:.0f}" for record in spent), "–")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False
    ).stdout.strip()


def machine() -> str:
    """The processor or the GPU, in words."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    run_stage("results", results)
