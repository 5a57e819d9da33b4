"""Where a registry keeps its artifacts, and whether that place takes any."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.db.db_types import DATABASE_ENGINES
from requests import HTTPError

from repertoire.config import RepertoireError
from serving.registry import local_store
from serving.registry.remedies import remedy
from serving.registry.uris import masked

ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"  # `mlflow server` reads it too
EXAMPLE = "s3://bucket/mlflow"
CONNECT_SECONDS, ANSWER_SECONDS = 10, 15  # for a store that does not answer; it is tried twice
LOOK_AT_STORE = "look at the store of the artifacts, or correct AWS_ENDPOINT_URL"
# What a tracking server tells of its store, in an answer or by failing each time.
ANSWERED = r'"message": "([^"]*)"|(too many 5\d\d error responses)'
THROUGH_SERVER = "mlflow-artifacts"  # the scheme of what a tracking server alone stores
NOWHERE = "is-anybody-there"  # a folder that no run has


def new_location(uri: str, experiment: str) -> str | None:
    """Where a new experiment is to keep its artifacts; None where a tracking server decides.

    Raises RepertoireError for a database of several machines without ``ROOT``: MLflow would put
    a folder of this machine into it.
    """
    if not _is_database(uri):
        return None
    if root := _root():
        return f"{root}/{experiment}"
    file = local_store.database(uri)
    if file is None:
        raise RepertoireError(
            f"MLflow at {masked(uri)}: its artifacts need a place that every machine can reach; "
            f"set {ROOT}, for example to {EXAMPLE}"
        )
    return local_store.artifacts_of(file).as_uri()


def check_location(uri: str, experiment: Experiment) -> None:
    """Raises RepertoireError where the artifacts lie elsewhere than ``ROOT``, or out of reach."""
    if not _is_database(uri):
        return
    location, root = experiment.artifact_location, _root()
    if location.startswith(f"{THROUGH_SERVER}:"):
        raise RepertoireError(
            f"MLflow at {masked(uri)}: its artifacts go through a tracking server; "
            "set MLFLOW_TRACKING_URI to the http address of that"
        )
    if root and location != root and not location.startswith(f"{root}/"):
        raise RepertoireError(
            f"MLflow at {masked(uri)}: the experiment {experiment.name!r} keeps its artifacts at "
            f"{masked(location)}, not below {ROOT}={masked(root)}; unset that, or correct it"
        )
    folder = _folder(location)
    if folder is not None and not folder.parent.is_dir() and local_store.database(uri) is None:
        raise RepertoireError(
            f"MLflow at {masked(uri)}: its artifacts lie in {folder}, which this machine lacks; "
            f"mount it here, or begin another database with {ROOT}={EXAMPLE}"
        )


def check_store(uri: str, location: str) -> None:
    """One question to the store, before anything is made that needs it.

    Raises RepertoireError, one line: the bucket is missing, the key is wrong, or nobody is there.
    """
    scheme = urlsplit(location).scheme
    if scheme == "s3":
        _ask_s3(location)
    elif scheme == THROUGH_SERVER:
        _ask_server(uri, location)


def _ask_s3(location: str) -> None:
    """As MLflow asks, but for its patience of minutes."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    place = urlsplit(location)
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        retries={"total_max_attempts": 2},
    )
    endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None
    prefix = f"{place.path.strip('/')}/{NOWHERE}"
    try:
        client = boto3.client("s3", endpoint_url=endpoint, config=config)
        client.list_objects_v2(Bucket=place.netloc, Prefix=prefix, MaxKeys=1)
    except (BotoCoreError, ClientError, ValueError) as error:  # ValueError: no endpoint at all
        said = str(error).strip().partition("\n")[0].rstrip(".")
        found = remedy(said) or LOOK_AT_STORE
        raise RepertoireError(f"artifacts at {masked(location)}: {said}; {found}") from error


def _ask_server(uri: str, location: str) -> None:
    try:
        get_artifact_repository(location).list_artifacts(NOWHERE)
    except (MlflowException, HTTPError) as error:
        if not (answered := re.search(ANSWERED, str(error))):
            raise
        raise RepertoireError(
            f"MLflow at {masked(uri)}: the server cannot use its store of artifacts "
            f"({answered[1] or answered[2]}); its log says more, then correct its "
            "--artifacts-destination, AWS_ENDPOINT_URL or keys"
        ) from error


def _is_database(uri: str) -> bool:
    return urlsplit(uri).scheme.partition("+")[0] in DATABASE_ENGINES


def _root() -> str:
    root = os.environ.get(ROOT, "").strip().rstrip("/")
    if root and not urlsplit(root).scheme and not root.startswith("/"):
        raise RepertoireError(f"{ROOT}: {root!r} is no address; name one, such as {EXAMPLE}")
    return root


def _folder(location: str) -> Path | None:
    """The folder that a location names; None for one that is reached over a network."""
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None
