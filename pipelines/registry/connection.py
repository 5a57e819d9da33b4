"""One registry, opened: created whole, waited for within bounds, and clear when it fails."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import mlflow
import sqlalchemy
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from pipelines.params import read_params
from pipelines.registry.artifact_store import (
    LOOK_AT_STORE,
    check_location,
    check_store,
    new_location,
)
from repertoire.config import RepertoireError
from serving.registry import local_store
from serving.registry.database_server import engine_of
from serving.registry.remedies import remedy
from serving.registry.uris import masked

T = TypeVar("T")
EXPERIMENT = "repertoire"
DEFAULT_STORE = "sqlite:///mlflow.db"
LOCKS = Path(".dvc/tmp")
# A server that does not answer is given up after three attempts of 12 seconds, unless the user
# says otherwise. MLflow's own bounds add up to a quarter of an hour.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "12",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",  # a server's store may be out of reach
}
UPLOAD_SECONDS = "600"  # a server answers an upload after it has stored the file
TABLES_LOCK = 0x5E9E701E  # a number that programs of this project alone lock in PostgreSQL
# Whose errors are the registry's; errors of others are shown whole.
STORES = {"azure", "boto3", "botocore", "google"}
LIBRARIES = {*STORES, "mlflow", "requests", "sqlalchemy", "sqlite3"}
# What MLflow says when two machines write the same row at once; the second attempt finds it there.
CONFLICTS = ("Giving up after", "UniqueViolation", "UNIQUE constraint", "Duplicate entry")
ATTEMPTS, PAUSE_SECONDS = 20, 0.2
LOOK_AT_SERVER = "start the server or correct MLFLOW_TRACKING_URI"
REMEDIES = {
    "database is locked": "another process holds it; repeat when that has ended",
    "not a database": "restore the file, or move it elsewhere and register anew",
    "malformed": "restore the file, or move it elsewhere and register anew",
    "No module named 'psycopg'": "name the driver that is there, as in postgresql+psycopg2://…",
    "No module named": "install the driver, or correct MLFLOW_TRACKING_URI",
}


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``; where it is not set or empty, a SQLite file of this checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI", "").strip() or DEFAULT_STORE


@contextmanager
def open_registry() -> Iterator[MlflowClient]:
    """A client of the registry, which is created if it is not there.

    Raises RepertoireError, one line, for whatever goes wrong with the registry inside the block.
    """
    read_params()  # says in one line when this is not the root of a project
    uri = _checked(tracking_uri())
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # MLflow logs a database's errors with a traceback before it raises them.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    try:
        yield _client(uri)
    except Exception as error:
        if not _of_registry(error):
            raise
        raise RepertoireError(_one_line(uri, error)) from error


@contextmanager
def checkout_lock() -> Iterator[None]:
    """Only one process of this checkout registers at a time; it ends with the process."""
    with _locked(LOCKS / "register.lock"):
        yield


@contextmanager
def upload_timeout() -> Iterator[None]:
    """Requests inside the block may take as long as a large file takes."""
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    with _setting(name, max(os.environ[name], UPLOAD_SECONDS, key=int)):
        yield


@contextmanager
def single_attempts() -> Iterator[None]:
    """Requests inside the block are not repeated: somebody waits for the error before them."""
    with _setting("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0"):
        yield


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    kept = os.environ[name]
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ[name] = kept


def despite_others(write: Callable[[], T]) -> T:
    """What ``write`` returns, repeated while other machines write the same rows."""
    for _ in range(ATTEMPTS):
        try:
            return write()
        except MlflowException as error:
            if not any(sign in str(error) for sign in CONFLICTS):
                raise
            time.sleep(PAUSE_SECONDS)
    return write()


def _checked(uri: str) -> str:
    try:
        urlsplit(uri)
    except ValueError as error:
        raise RepertoireError(f"{masked(uri)}: {error}; correct MLFLOW_TRACKING_URI") from None
    if uri.startswith("sqlite") and local_store.database(uri) is None:
        raise RepertoireError(f"{uri}: names no file; correct MLFLOW_TRACKING_URI")
    return uri


def _client(uri: str) -> MlflowClient:
    local_store.follow(uri)
    file = local_store.database(uri)
    if file is not None and not file.exists():
        try:
            _create(file)
        except OSError as error:
            raise RepertoireError(
                f"cannot create {file}: {error.strerror}; correct MLFLOW_TRACKING_URI"
            ) from error
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    with _reached(uri):
        client = MlflowClient()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            _create_experiment(client, uri)
            experiment = registry_experiment(client)
    if experiment.lifecycle_stage != "active":
        raise RepertoireError(
            f"{masked(uri)}: the experiment {EXPERIMENT!r} was deleted; bring it back "
            f"with `mlflow experiments restore --experiment-id {experiment.experiment_id}`"
        )
    check_location(uri, experiment)
    return client


def registry_experiment(client: MlflowClient) -> Experiment:
    """The experiment of all runs, which ``open_registry`` made if it was not there."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return experiment


def _create(file: Path) -> None:
    """Make a SQLite store under another name and give it its own when it is whole.

    Two processes that create the tables of one file at once break it for ever, and so does one
    that is killed meanwhile.
    """
    if not file.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder")
    inside = file.parent == Path.cwd()
    with _locked(LOCKS / "registry.lock" if inside else file.with_name(f".{file.name}.lock")):
        if file.exists():
            return
        partial = file.with_name(f".{file.name}.partial")
        for old in (partial, partial.with_name(f"{partial.name}-journal")):
            old.unlink(missing_ok=True)
        _create_experiment(MlflowClient(tracking_uri=f"sqlite:///{partial}"), f"sqlite:///{file}")
        partial.rename(file)


def _create_experiment(client: MlflowClient, uri: str) -> None:
    location = new_location(uri, EXPERIMENT)
    if location is not None:
        check_store(uri, location)  # MLflow never changes the location of an experiment
    try:
        client.create_experiment(EXPERIMENT, artifact_location=location)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another machine was first
            raise


@contextmanager
def _reached(uri: str) -> Iterator[None]:
    """One attempt to connect to a database server, because MLflow makes ten that grow longer.

    Inside the block no other machine makes the tables of a new PostgreSQL database: of two that
    do so at once, one fails.
    """
    engine = engine_of(uri)
    if engine is None:
        yield
        return
    try:
        with engine.connect() as connection:
            if uri.startswith("postgresql"):
                taken = sqlalchemy.text("select pg_advisory_lock(:key)")
                connection.execute(taken, {"key": TABLES_LOCK})
            yield
    finally:
        engine.dispose()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _of_registry(error: Exception) -> bool:
    if isinstance(error, RepertoireError):
        return False
    return bool(_homes(error) & LIBRARIES) or isinstance(error, ModuleNotFoundError)


def _homes(error: Exception) -> set[str]:
    """The packages whose error it is."""
    return {cls.__module__.split(".")[0] for cls in type(error).__mro__}


def _one_line(uri: str, error: Exception) -> str:
    said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    found = remedy(said) or next(
        (do for sign, do in REMEDIES.items() if sign in said),
        LOOK_AT_STORE if _homes(error) & STORES else LOOK_AT_SERVER,
    )
    line = masked(f"MLflow at {uri}: {said}; {found}")
    password = urlsplit(uri).password
    return line.replace(unquote(password), "***") if password else line
