"""Where a run comes from: who registered it, the commit, the training's times and its data."""

import getpass
import json
import socket
import subprocess
from dataclasses import asdict
from functools import cache
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_GIT_BRANCH,
    MLFLOW_GIT_COMMIT,
    MLFLOW_GIT_DIRTY,
    MLFLOW_GIT_REPO_URL,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)
from mlflow.utils.validation import MAX_DATASET_DIGEST_SIZE

from pipelines.params import dataset_params
from pipelines.registry.content import Content
from pipelines.times import TrainingTimes, read_times
from serving.registry.uris import masked


def checkout() -> str:
    """The machine and the folder that register; two processes of one checkout do so in turn."""
    return f"{socket.gethostname()}:{Path.cwd().resolve()}"


def training_times(content: Content) -> TrainingTimes | None:
    """When the weights were trained; None where this checkout did not train them."""
    return read_times(content.name, content.manifest["digests"]["weights"])


def source_tags(name: str) -> dict[str, str]:
    """MLflow's own tags of where a run's code is."""
    tags = {
        MLFLOW_SOURCE_NAME: f"python -m pipelines train {name}",
        MLFLOW_SOURCE_TYPE: "LOCAL",
        MLFLOW_USER: getpass.getuser(),
        MLFLOW_GIT_COMMIT: _git(Path.cwd(), "rev-parse", "HEAD"),
        MLFLOW_GIT_BRANCH: _git(Path.cwd(), "branch", "--show-current"),
        MLFLOW_GIT_REPO_URL: masked(_git(Path.cwd(), "remote", "get-url", "origin")),
    }
    if tags[MLFLOW_GIT_COMMIT]:
        tags[MLFLOW_GIT_DIRTY] = str(
            bool(_git(Path.cwd(), "status", "--porcelain", "-uno"))
        ).lower()
    return {key: value for key, value in tags.items() if value}


@cache
def _git(folder: Path, *arguments: str) -> str:
    """What git says of a folder, asked once; nothing outside of a repository or without git."""
    try:
        # What it complains about is written in the user's language and encoding.
        done = subprocess.run(
            ("git", *arguments),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def training_data(content: Content) -> DatasetInput:
    """The data set as MLflow shows it: name, digest and the pinned files that it was made of."""
    name = content.recipe.dataset
    sources = {key: asdict(source) for key, source in dataset_params(name).sources.items()}
    data = Dataset(
        name=name,
        # The whole digest is the tag data_sha256.
        digest=content.manifest["digests"]["data"][:MAX_DATASET_DIGEST_SIZE],
        source_type="pinned files" if sources else "generated",
        source=json.dumps(sources, ensure_ascii=False),
        profile=json.dumps(content.manifest["facts"], ensure_ascii=False),
    )
    return DatasetInput(data, [InputTag(MLFLOW_DATASET_CONTEXT, "training")])
