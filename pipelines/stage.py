"""What every stage shares: its params, its clock, and one clear line when something is wrong."""

import errno
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from repertoire.config import RepertoireError, parse, read_yaml, section
from repertoire.data.sources import Source

PARAMS = Path("params.yaml")
TIMINGS = Path(".timings/stages.jsonl")
TRAINING_SECONDS = Path(".timings/training.js")  # what the report's first page shows
FAMILY_PARTS = {
    "train": ("config", "network", "learner", "evaluation"),
    "export": ("config", "network", "evaluation"),
    "evaluate": ("config", "evaluation"),
}


@dataclass(frozen=True)
class DatasetParams:
    """One block of ``datasets``: ``config`` belongs to the reader, ``baseline`` to its kind."""

    reader: str
    sources: Mapping[str, Source]
    config: Mapping[str, Any]
    baseline: Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """The metric that decides: it must beat the baseline by the margin, in its own unit."""

    metric: str
    better: Literal["lower", "higher"]
    baseline: str
    margin: float


@dataclass(frozen=True)
class Training:
    """How long to train and how often to save."""

    epochs: int
    threads: int
    checkpoint_seconds: float
    record_steps: int


@dataclass(frozen=True)
class Recipe:
    """One block of ``recipes``; ``config`` belongs to the family."""

    title: str
    family: str
    dataset: str
    seed: int
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

    slice_rows: int
    value_tolerance: float
    metric_tolerance: float
    largest_batch: int
    largest_axis: int
    threads: int


def read_params() -> dict[str, Any]:
    """The whole of params.yaml, or of the file that ``REPERTOIRE_PARAMS`` names."""
    path = Path(os.environ.get("REPERTOIRE_PARAMS", PARAMS))
    return _parsed(path, path.resolve(), path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _parsed(path: Path, _place: Path, _changed: int) -> dict[str, Any]:
    return read_yaml(path)


def dataset_names() -> list[str]:
    """Every data set of params.yaml, in its order."""
    return list(section(read_params(), "datasets", source=PARAMS.name))


def recipe_names() -> list[str]:
    """Every recipe of params.yaml, in its order."""
    return list(section(read_params(), "recipes", source=PARAMS.name))


def study_names() -> list[str]:
    """Every study of params.yaml, in its order."""
    return list(section(read_params(), "studies", source=PARAMS.name))


def dataset_params(name: str) -> DatasetParams:
    """The block of a data set."""
    block = section(read_params(), "datasets", name, source=PARAMS.name)
    return parse(DatasetParams, block, f"{PARAMS.name}.datasets.{name}")


def recipe_params(name: str) -> Recipe:
    """The block of a recipe."""
    block = section(read_params(), "recipes", name, source=PARAMS.name)
    return parse(Recipe, block, f"{PARAMS.name}.recipes.{name}")


def study_params(name: str) -> StudyParams:
    """The block of a study."""
    block = section(read_params(), "studies", name, source=PARAMS.name)
    return parse(StudyParams, block, f"{PARAMS.name}.studies.{name}")


def family_config(recipe: Recipe, name: str, cls: type) -> Any:
    """The family's own part of a recipe."""
    return parse(cls, recipe.config, f"{PARAMS.name}.recipes.{name}.config")


def export_params() -> Export:
    """The block ``export``."""
    return parse(Export, section(read_params(), "export", source=PARAMS.name), "params.yaml.export")


def deciding(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe decides its weights: not its title, and of the gate what is watched."""
    block = asdict(recipe)
    del block["title"]
    block["gate"] = {"metric": recipe.gate.metric, "better": recipe.gate.better}
    return block


def family_modules(family: str, stage: str) -> list[str]:
    """The modules of a family that a stage loads by name."""
    return [f"repertoire.families.{family}.{part}" for part in FAMILY_PARTS[stage]]


def run_stage(
    stage: str, work: Callable[..., float | None], born: float | None = None, waited: float = 0.0
) -> None:
    """Run ``work`` on the command line's arguments; known errors become one line and exit 1.

    ``born`` is when the process was asked for, where it is not the one that was started;
    ``waited`` are seconds since then in which others did its work. What ``work`` returns is noted
    as the seconds that its result took, other processes' included.
    """
    arguments = sys.argv[1:]
    label = " ".join((stage, *arguments))
    started = time.time() - waited
    try:
        seconds = _call(work, arguments)
    except RepertoireError as error:
        sys.exit(f"{label}: {error}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        place = error.filename or "the output"
        sys.exit(
            f"{label}: cannot write {place}: {error.strerror}; free space or fix the permissions "
            "and repeat"
        )
    _note_time(stage, arguments, started, born, seconds)


def _call(work: Callable[..., float | None], arguments: list[str]) -> float | None:
    try:
        inspect.signature(work).bind(*arguments)
    except TypeError:
        wanted = " ".join(f"<{name}>" for name in inspect.signature(work).parameters)
        raise RepertoireError(f"expected arguments: {wanted or 'none'}") from None
    return work(*arguments)


def _note_time(
    stage: str, arguments: list[str], started: float, born: float | None, seconds: float | None
) -> None:
    """Append how long the process took to start and to work; never part of an output."""
    import psutil

    born = born or psutil.Process().create_time()
    record = {
        "stage": stage,
        "item": arguments[0] if arguments else "",
        "start_s": round(started - born, 3),
        "work_s": round(time.time() - started, 3),
        "ended": round(time.time(), 3),
        **({} if seconds is None else {"result_s": round(seconds, 3)}),
    }
    TIMINGS.parent.mkdir(exist_ok=True)
    with TIMINGS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    if stage == "train":
        with TRAINING_SECONDS.open("a", encoding="utf-8") as file:
            place = f"(window.trainingSeconds ??= {{}})[{json.dumps(record['item'])}]"
            file.write(f"{place} = {record.get('result_s', record['work_s'])};\n")
