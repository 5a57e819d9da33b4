"""From the champions of an MLflow registry to a folder of models, each on its own."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repertoire.runtime.errors import BadModel, InferenceError
from serving.registry.champion_folder import ChampionFolder, check
from serving.registry.connection import connect, explained, reason
from serving.registry.remedies import remedy

ALIAS = "champion"
FIRST_SECONDS, MOST_SECONDS = 4.0, 300.0  # until a version that was refused is tried again
_NAME, _VERSION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_ -]*"), re.compile(r"[0-9]+")


@dataclass
class Refusal:
    """Why a version cannot be served; `until` on the clock of time.monotonic, in seconds."""

    version: str
    line: str
    seconds: float
    until: float


@dataclass
class Refusals:
    """What was refused, so that a bad version is not fetched again at every look."""

    known: dict[str, Refusal] = field(default_factory=dict)

    def due(self, name: str, version: str) -> bool:
        """Whether the version may be tried."""
        found = self.known.get(name)
        return found is None or found.version != version or found.until < time.monotonic()

    def note(self, name: str, version: str, line: str | None) -> None:
        """Keeps how the try ended; None is well."""
        before = self.known.pop(name, None)
        if line is not None:
            again = before is not None and before.version == version
            seconds = min(before.seconds * 2, MOST_SECONDS) if before and again else FIRST_SECONDS
            self.known[name] = Refusal(version, line, seconds, time.monotonic() + seconds)

    def forget(self, wanted: Iterable[str]) -> None:
        """Drops what is no champion any more."""
        self.known = {name: each for name, each in self.known.items() if name in set(wanted)}


def champions(client: Any) -> dict[str, str]:
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


def synchronise(
    uri: str, into: Path, refusals: Refusals | None = None, *, thorough: bool = True
) -> Mapping[str, Any]:
    """Brings the folder in line with the registry. Raises BadModel if that cannot be asked.

    `problems` of the answer names the champions that cannot be served, with a line each; what the
    folder holds of them stays. `thorough` also looks for damage, and tries again what was refused.
    """
    folder, refusals = ChampionFolder(into), refusals if refusals is not None else Refusals()
    with explained(uri):
        client = connect(uri)
        wanted = champions(client)  # a registry that gives none leaves no folder behind
        if not thorough and not _differs(folder, wanted, refusals):
            return _summary(wanted, [], [], refusals)
        with folder.claimed() as scratch:
            wanted = champions(client)  # who was in the folder before may know newer ones
            tried = [n for n, v in wanted.items() if thorough or _open(folder, n, v, refusals)]
            renewed = []
            for name in tried:
                put = _putter(client, uri, folder, name, wanted[name], scratch)
                new, line = _alone(put)
                refusals.note(name, wanted[name], line)
                renewed += [name] if new else []
            removed = sorted(folder.links().keys() - wanted.keys())
            for name in removed:
                folder.drop(name)
            folder.sweep(scratch)
    return _summary(wanted, renewed, removed, refusals)


def _summary(
    wanted: Mapping[str, str], renewed: list[str], removed: list[str], refusals: Refusals
) -> Mapping[str, Any]:
    refusals.forget(wanted)
    problems = {name: each.line for name, each in refusals.known.items()}
    return {"champions": wanted, "renewed": renewed, "removed": removed, "problems": problems}


def _differs(folder: ChampionFolder, wanted: Mapping[str, str], refusals: Refusals) -> bool:
    """Whether there is something to do in the folder."""
    open_ = any(_open(folder, name, version, refusals) for name, version in wanted.items())
    return open_ or bool(folder.links().keys() - wanted.keys()) or bool(folder.stale())


def _open(folder: ChampionFolder, name: str, version: str, refusals: Refusals) -> bool:
    known = refusals.known.get(name)
    if known is not None:
        return refusals.due(name, version)
    return not folder.holds(name, version)


def _alone(work: Callable[[], bool]) -> tuple[bool, str | None]:
    """The answer of the work, or the line of its error: the other champions must not wait."""
    try:
        return work(), None
    except InferenceError as error:
        return False, str(error)
    except OSError as error:
        return False, reason(error)
    except Exception as error:  # noqa: BLE001 - told in full on stderr, which the server logs
        traceback.print_exc()
        return False, f"it cannot be copied ({reason(error)}); the log tells more"


def _putter(
    client: Any, uri: str, folder: ChampionFolder, name: str, version: str, scratch: Path
) -> Callable[[], bool]:
    def put() -> bool:
        if not _NAME.fullmatch(name):
            raise BadModel(f"{name!r} is no name for a folder; rename the registered model")
        if not _VERSION.fullmatch(version):
            raise BadModel(f"the registry gives {version!r} as its version, not a number")
        return folder.put(name, version, scratch, lambda to: fetch(client, uri, name, version, to))

    return put


def fetch(client: Any, uri: str, name: str, version: str, to: Path) -> Path:
    """Copies a version below a folder. Returns the folder of its manifest. Raises BadModel."""
    from mlflow.artifacts import download_artifacts

    said = f"{name} {version}"
    try:
        source = client.get_model_version_download_uri(name, version)
    except Exception as error:
        raise BadModel(f"{said}: the registry does not give it ({reason(error)})") from error
    if not source:
        raise BadModel(f"{said}: the registry does not say where its files are; register it again")
    try:
        copied = Path(download_artifacts(artifact_uri=source, dst_path=str(to), tracking_uri=uri))
    except Exception as error:  # of any library that a store needs
        told = reason(error)
        gone = f"where they are gone, `python -m pipelines.register {name}` puts them there again"
        then = remedy(str(error)) or gone
        line = f"{said}: its files cannot be fetched from {source} ({told}); {then}"
        raise BadModel(line) from error
    manifests = sorted(copied.rglob("manifest.json"))
    if len(manifests) != 1:
        count = len(manifests) or "no"
        raise BadModel(f"{said}: {count} manifest.json in {source}, not 1; register it again")
    try:
        check(manifests[0].parent)
    except BadModel as error:
        raise BadModel(f"{said}: {error}") from error
    _seal(manifests[0], version)
    return manifests[0].parent


def _seal(file: Path, version: str) -> None:
    """Writes the registry's version into the manifest; a store may have made it read-only."""
    document = json.loads(file.read_bytes())
    sealed = json.dumps({**document, "version": version}, ensure_ascii=False)
    file.unlink()
    file.write_text(sealed, encoding="utf-8")
