"""`python -m serving.registry --uri sqlite:///mlflow.db --into FOLDER`: champions to a folder.

Each registered model with the alias `champion` becomes FOLDER/<name>, a link to the version's
folder below FOLDER/.versions: swapping a link is atomic, swapping folders is not. Prints one line
of JSON. A process of its own, so that mlflow never lives in the server.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Read when mlflow is first imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

from serving import local_store
from serving.errors import BadModel
from serving.manifest import parse
from serving.repository import verify

ALIAS = "champion"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_ -]*")


def champions(client: Any) -> dict[str, str]:
    """The version of each registered model that carries the alias."""
    found, page = {}, None
    while True:
        models = client.search_registered_models(max_results=100, page_token=page)
        found.update({m.name: str(m.aliases[ALIAS]) for m in models if ALIAS in m.aliases})
        page = models.token
        if not page:
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
    file.write_text(json.dumps({**json.loads(text), "version": version}, ensure_ascii=False))


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".{link.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.relative_to(link.parent), target_is_directory=True)
    fresh.replace(link)


def synchronise(uri: str, into: Path) -> Mapping[str, Any]:
    """Brings the folder in line with the registry. Raises BadModel if there is no champion."""
    from mlflow import MlflowClient

    try:
        local_store.follow(uri)
    except sqlite3.Error as error:
        raise BadModel(f"the registry {uri} cannot be read: {error}; repeat or name another") from (
            error
        )
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    found = champions(client)
    if not found:
        raise BadModel(f"no model in {uri} has the alias {ALIAS!r}; register one and set the alias")
    into.mkdir(parents=True, exist_ok=True)
    renewed = [n for n, version in found.items() if materialise(client, n, version, into)]
    gone = [each for each in into.iterdir() if each.is_symlink() and each.name not in found]
    for link in gone:
        link.unlink()
        shutil.rmtree(into / ".versions" / link.name)
    return {"champions": found, "renewed": renewed, "removed": [each.name for each in gone]}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 with a line on stderr if nothing can be served."""
    parser = argparse.ArgumentParser(prog="python -m serving.registry")
    parser.add_argument("--uri", required=True, help="MLflow tracking URI, sqlite:///mlflow.db")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args(argv)
    try:
        summary = synchronise(options.uri, options.into)
    except BadModel as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
