"""A client of an MLflow registry whose errors are one line, and come soon."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import sqlite3
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from repertoire.runtime.errors import BadModel, InferenceError
from serving.registry import local_store
from serving.registry.database_server import reach
from serving.registry.remedies import remedy

# Read when mlflow is first imported. Unless told otherwise it asks a silent server for minutes.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    # Files come through a tracking server that keeps them: its store may be out of reach from here,
    # and MLflow would try for minutes.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    # A connection kept open would go on reading a SQLite file that was replaced.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
WAIT_SECONDS = 30.0  # for a process that holds the registry's file
_LIBRARIES = (
    *("alembic", "google", "json", "mlflow", "MySQLdb", "psycopg2", "pymysql", "requests"),
    *("sqlalchemy", "urllib3"),
)
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def connect(uri: str) -> Any:
    """An MlflowClient. Raises BadModel for a SQLite file that is none, not there or held."""
    if uri.startswith("sqlite"):
        from sqlalchemy import make_url

        named = make_url(uri).database
        if not named:
            raise BadModel(f"{uri} names no file; name the registry's, as in sqlite:///mlflow.db")
        _check_file(Path(named))
        local_store.follow(uri)
    reach(uri)
    return library().MlflowClient(tracking_uri=uri, registry_uri=uri)


def library() -> ModuleType:
    """mlflow, with its settings; the first time that takes seconds. Raises ModuleNotFoundError."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow

    # They announce every retry, and the kind of pool.
    for chatty in ("urllib3", "mlflow.store.db.utils"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return mlflow


def _check_file(file: Path) -> None:
    """Waits until nobody else holds the file. mlflow would fill one that is no registry."""
    if not file.is_file():
        raise BadModel(f"there is no file {file}; register a model first, or name another registry")
    opened = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", WAIT_SECONDS, uri=True)
    with contextlib.closing(opened) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master")]
    if "registered_models" not in tables:
        raise BadModel(f"{file} is no MLflow registry; name another one")


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turns what MLflow, its libraries and the system raise into BadModel, with the remedy."""
    try:
        urlsplit(uri)
    except ValueError as error:
        raise BadModel(f"{uri} is no URI ({error}); correct it") from error
    try:
        yield
    except InferenceError:
        raise
    except ModuleNotFoundError as error:
        raise BadModel(_missing(uri, error)) from error
    except Exception as error:
        known = isinstance(error, OSError | sqlite3.Error)
        if not known and type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        raise BadModel(_line(uri, error)) from error


def _missing(uri: str, error: ModuleNotFoundError) -> str:
    if error.name in ("mlflow", "sqlalchemy"):
        return "MLflow is not installed; pip install 'repertoire[registry]', or serve a folder"
    if error.name == "psycopg":  # which SQLAlchemy takes where no driver is named
        return f"{uri} names no driver; write postgresql+psycopg2://… (pip install psycopg2-binary)"
    return f"the registry {uri} needs the package {error.name}; install it"


def _line(uri: str, error: Exception) -> str:
    told = reason(error)
    cause = _cause(error)
    if isinstance(cause, OSError) and cause.filename is not None:
        return told
    if "database is locked" in told:
        return f"the registry {uri} is held by another process; try again when it is done"
    then = remedy(told) or "check the URI, and that it is up"
    return f"the registry {uri} cannot be read ({told}); {then}"


def reason(error: Exception) -> str:
    """What happened, in one line of bounded length, with the remedy where the system said it."""
    cause = _cause(error)
    if isinstance(cause, shutil.Error):  # holds a list of (from, to, why)
        cause = OSError(next(iter(cause.args[0]), ("", "", "files cannot be copied"))[2])
    text = str(cause).strip().partition("\n")[0] or type(cause).__name__
    number = _ERRNO.search(text)
    if number is not None and int(number[1]) in _FULL:
        return f"{text}; free some space"
    if isinstance(cause, OSError) and cause.filename is not None:
        remedy = "check the path, its permissions and the space left"
        return f"{cause.filename}: {cause.strerror}; {remedy}"
    return textwrap.shorten(text, 300, placeholder=" …")


def _cause(error: BaseException) -> BaseException:
    """What the system said, if it is behind the error; else the error."""
    deepest, behind = error, _behind(error)
    while behind is not None:
        deepest, behind = behind, _behind(behind)
    return deepest if isinstance(deepest, OSError | sqlite3.Error) else error


def _behind(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
