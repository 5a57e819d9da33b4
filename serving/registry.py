"""`python -m serving.registry --uri sqlite:///mlflow.db --into FOLDER`: champions to a folder.

Each registered model with the alias `champion` becomes FOLDER/<name>, a link to the version's
folder below FOLDER/.versions: swapping a link is atomic, swapping folders is not. Prints one line
of JSON. A process of its own, so that mlflow never lives in the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from repertoire.runtime.errors import BadModel, InferenceError
from repertoire.runtime.manifest import parse
from repertoire.runtime.model import verify
from serving.connection import connect, explained
from serving.options import Parser, filled
from serving.uris import masked

ALIAS = "champion"
WAIT_SECONDS = 120.0  # for a process that fills the same folder
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_ -]*")


def champions(client: Any, uri: str) -> dict[str, str]:
    """The version of each registered model that carries the alias. Raises BadModel if none does."""
    found, page = {}, None
    while True:
        models = client.search_registered_models(max_results=100, page_token=page)
        found.update({m.name: str(m.aliases[ALIAS]) for m in models if ALIAS in m.aliases})
        page = models.token
        if not page:
            break
    if not found:
        raise BadModel(
            f"no registered model has the alias {ALIAS!r}; promote a version, or serve a folder of "
            "models (--models own/artifacts)"
        )
    return found


def materialise(client: Any, name: str, version: str, into: Path) -> bool:
    """Makes `into`/<name> the given version; False if it is already. Raises BadModel."""
    if not _NAME.fullmatch(name):
        raise BadModel(f"{name!r} is no name for a folder; rename the registered model")
    folder, link = into / ".versions" / name / version, into / name
    replaced = link.resolve() if link.is_symlink() else None
    if replaced == folder.resolve():
        return False
    if link.exists() and not link.is_symlink():
        raise BadModel(f"{link} is not a champion put there earlier; choose another folder")
    if not folder.exists():
        _download(client, name, version, folder)
    _point(link, folder)
    for other in folder.parent.iterdir():  # the server may still hold the one just replaced
        if other.resolve() not in (folder.resolve(), replaced):
            shutil.rmtree(other)
    return True


def _download(client: Any, name: str, version: str, folder: Path) -> None:
    """The folder appears whole and verified, or not at all."""
    import mlflow.artifacts
    from mlflow.exceptions import MlflowException

    folder.parent.mkdir(parents=True, exist_ok=True)
    source = client.get_model_version_download_uri(name, version)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as temporary:
        target = str(Path(temporary) / "artifacts")
        Path(target).mkdir()
        try:
            copied = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=target))
        except (MlflowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise BadModel(
                f"{name} {version}: its files cannot be fetched from {source} ({reason}); where "
                f"they are gone, `python -m pipelines.register {name}` puts them there again"
            ) from error
        manifests = sorted(copied.rglob("manifest.json"))
        if len(manifests) != 1:
            raise BadModel(f"{name} {version}: {len(manifests)} manifest.json in {source}, not 1")
        _seal(manifests[0], version)
        manifests[0].parent.rename(folder)


def _seal(file: Path, version: str) -> None:
    """Verifies every graph and writes the registry's version into the manifest."""
    text = file.read_bytes()
    for graph in parse(text).graphs.values():
        verify(file.parent, graph)
    sealed = json.dumps({**json.loads(text), "version": version}, ensure_ascii=False)
    file.write_text(sealed, encoding="utf-8")


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".{link.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.relative_to(link.parent), target_is_directory=True)
    fresh.replace(link)


def synchronise(uri: str, into: Path) -> Mapping[str, Any]:
    """Brings the folder in line with the registry. Raises BadModel if there is no champion."""
    with explained(uri):
        client = connect(uri)
        champions(client, uri)  # a registry that gives none leaves no folder behind
        with _claimed(into):
            return _renew(client, uri, into)


def _renew(client: Any, uri: str, into: Path) -> Mapping[str, Any]:
    found = champions(client, uri)  # asked now: who was in the folder before may know newer ones
    renewed = [n for n, version in found.items() if materialise(client, n, version, into)]
    gone = [each for each in into.iterdir() if each.is_symlink() and each.name not in found]
    for link in gone:
        link.unlink()
        shutil.rmtree(into / ".versions" / link.name)
    return {"champions": found, "renewed": renewed, "removed": [each.name for each in gone]}


@contextlib.contextmanager
def _claimed(into: Path) -> Iterator[None]:
    """Keeps other processes out of the folder. Raises BadModel if one stays in."""
    into.mkdir(parents=True, exist_ok=True)
    handle = os.open(into, os.O_RDONLY)
    try:
        _lock(handle, into)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, into: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() > end:
            raise BadModel(f"another process fills {into}; try again when it is done")
        time.sleep(0.1)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 with a line on stderr if nothing can be served."""
    parser = Parser("serving.registry", "Copies the champions of a registry into a folder.")
    uri = "MLflow tracking URI, sqlite:///mlflow.db"
    parser.add_argument("--uri", type=filled, required=True, help=uri)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(argv)
    try:
        summary = synchronise(options.uri, options.into)
    except InferenceError as error:
        print(f"error: {masked(str(error))}", file=sys.stderr)
        return 1
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
