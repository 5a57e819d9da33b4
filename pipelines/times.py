"""When a recipe was trained: kept beside the outputs, because outputs have no times in them."""

from dataclasses import dataclass
from pathlib import Path

from repertoire.data.files import read_json, write_json

FOLDER = Path(".timings/trainings")


@dataclass(frozen=True)
class TrainingTimes:
    """Seconds since 1970; ``steps`` and ``epochs`` belong to the records of history.json."""

    weights: str  # sha256 of weights.safetensors, by which the record is known to be theirs
    started: float
    steps: list[float]
    epochs: list[float]


def write_times(name: str, times: TrainingTimes) -> None:
    """Note when the weights of a recipe were trained."""
    write_json(_path(name), vars(times))


def read_times(name: str, weights: str) -> TrainingTimes | None:
    """When these weights were trained; None where another checkout trained them."""
    path = _path(name)
    times = TrainingTimes(**read_json(path)) if path.exists() else None
    return times if times and times.weights == weights else None


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"
