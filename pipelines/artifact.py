"""The files below artifacts/<recipe>/ that later stages read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from repertoire.config import RepertoireError
from repertoire.data.files import digest_file, read_json

ARTIFACTS = Path("artifacts")
BASELINES = Path(
    "baselines"
)  # a data set's values, and their draws where nets are paired with them
MANIFEST = "manifest.json"
EVALUATION = "evaluation"  # the folder of figures and results
RESULTS = f"{EVALUATION}/results.json"  # every test metric, and the gate
FIGURES = f"{EVALUATION}/figures.json"
HISTORY = "trained/history.json"
METRICS = "metrics.json"  # what DVC compares: value, baseline, passed


def draws_of(dataset: str) -> Path:
    """The bootstrap draws of a data set's baselines."""
    return BASELINES / f"{dataset}.draws.safetensors"


def read_artifact(name: str, file: str) -> Any:
    """A JSON file of a recipe. Raises RepertoireError with the command that makes it."""
    path = ARTIFACTS / name / file
    try:
        return read_json(path)
    except FileNotFoundError:
        raise not_evaluated(name, path) from None
    except RepertoireError as error:
        raise RepertoireError(f"{error}: `dvc repro --force evaluate@{name}`") from None


def check_graphs(name: str, graphs: Iterable[Mapping[str, Any]], record: str) -> None:
    """Raises RepertoireError unless every graph is the file that the ``record`` names."""
    for graph in graphs:
        path = ARTIFACTS / name / graph["file"]
        if not path.exists():
            raise not_evaluated(name, path)
        if digest_file(path) != graph["sha256"]:
            raise RepertoireError(
                f"{path}: not the file that {record} names (sha256); "
                f"run `dvc repro --force evaluate@{name}`"
            )


def not_evaluated(name: str, path: Path) -> RepertoireError:
    """The error of a recipe of which a file is missing."""
    return RepertoireError(
        f"{path}: no such file, recipe {name} was not evaluated; run `dvc repro evaluate@{name}`"
    )
