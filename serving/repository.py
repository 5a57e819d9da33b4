"""A folder of models: checked before use, opened when first needed, replaced when it changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import onnxruntime as ort

from repertoire.runtime.errors import BadModel, ModelNotFound
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, read_model, verify
from repertoire.runtime.session import Sessions, stamp
from repertoire.runtime.shapes import named, quoted

log = logging.getLogger("serving")

Fingerprint = tuple[tuple[str, int, int, int], ...]
UNLOADED = "it was unloaded; load it to serve it again"


class Repository:
    """The models below `root`, one folder each, or `root` itself where that is a model.

    Such a model is `alone`; it is called `name`, or as its manifest says.

    A request sees one version from start to end. `problems` says of each model that is not served
    as it should be why; `outside` are those that whoever fills the folder tells: a model may stand
    in both, and then its older copy is served.
    """

    def __init__(
        self, root: Path, *, sessions: int = 32, threads: int = 1, name: str | None = None
    ) -> None:
        self.root = root
        self.alone: str | None = None
        self._called = name
        self.models: Mapping[str, Model] = {}
        self.problems: Mapping[str, str] = {}
        self.outside: Mapping[str, str] = {}
        self._seen: dict[str, Fingerprint] = {}
        self._found: dict[str, str] = {}
        self._unloaded: set[str] = set()
        self._sessions = Sessions(sessions, threads)
        self._refreshing = threading.Lock()

    @property
    def unloaded(self) -> frozenset[str]:
        """Models that were taken out of service by name."""
        return frozenset(self._unloaded)

    def folder(self, name: str) -> Path:
        """Where the files of a model are, or would be."""
        return self.root if name == self.alone else self.root / name

    def model(self, name: str) -> Model:
        """Raises ModelNotFound."""
        model = self.models.get(name)
        if model is not None:
            return model
        if name in self.problems:
            raise ModelNotFound(f"model {quoted(name)} cannot be served: {self.problems[name]}")
        known = named(sorted(self.models))
        raise ModelNotFound(f"there is no model {quoted(name)}; the models served are: {known}")

    def session(self, model: Model, graph: Graph) -> ort.InferenceSession:
        """The open session of a graph. Raises BadModel when its file changed or does not load."""
        return self._sessions.get(model, graph)

    def load(self, name: str) -> Model:
        """Takes in what changed, and serves a model that was unloaded.

        Raises ModelNotFound, and BadModel if what is served is not what its folder should hold.
        """
        with self._refreshing:
            self._unloaded.discard(name)
            if name in self._found:
                # What was in its way may be gone, without a change of its files.
                self._seen.pop(name)
            self._take_in()
            models, problems = self.models, self.problems
        if name in models and name in problems:
            raise BadModel(f"model {name!r}: {problems[name]}")
        if name in problems:
            raise BadModel(f"model {name!r} cannot be served: {problems[name]}")
        return self.model(name)

    def unload(self, name: str) -> None:
        """Takes a model out of service until `load`; requests that have begun go on.

        Raises ModelNotFound.
        """
        with self._refreshing:
            if name not in self._unloaded:
                self.model(name)
                self._unloaded.add(name)
                self._take_in()

    def refresh(self) -> None:
        """Takes in what changed on disk. A bad new version is a problem; the old one stays."""
        with self._refreshing:
            self._take_in()

    def _take_in(self) -> None:
        models: dict[str, Model] = {}
        seen, found = {}, {}
        folders = self._folders()
        for name, folder in folders.items():
            old = self.models.get(name)
            if name in self._unloaded:
                continue
            now = _fingerprint(folder)
            if self._seen.get(name) == now:
                model, problem = old, self._found.get(name)
            else:
                model, problem = self._renew(name, folder, old)
            seen[name] = now
            if model is not None:
                models[name] = model
            if problem is not None:
                found[name] = problem
        self._unloaded &= folders.keys()
        self._seen, self._found = seen, found
        self.models, self.problems = models, self._told(models)

    def _told(self, models: Mapping[str, Model]) -> dict[str, str]:
        """The problems found here, and those that were told, which say more."""
        outside = {name: f"{line}{_kept(models.get(name))}" for name, line in self.outside.items()}
        return {**self._found, **outside, **dict.fromkeys(self._unloaded, UNLOADED)}

    def _folders(self) -> dict[str, Path]:
        """By the name of the model."""
        if not self.root.is_dir():
            raise BadModel(f"there is no folder {self.root}; export models or name another")
        visible = (each for each in sorted(self.root.iterdir()) if not each.name.startswith("."))
        # A folder whose manifest is gone is being written anew, if it was served before.
        below = {
            each.name: each
            for each in visible
            if each.is_dir() and (_named(each) or self._serves(each))
        }
        if not below and self.alone is None and _named(self.root):
            self.alone = self._called or _name_inside(self.root)
        return below if below or self.alone is None else {self.alone: self.root}

    def _serves(self, folder: Path) -> bool:
        """Whether there is a model of a folder below the root."""
        return folder.name in self.models and folder.name != self.alone

    def _renew(self, name: str, folder: Path, old: Model | None) -> tuple[Model | None, str | None]:
        try:
            if "." in name:
                raise BadModel("a dot parts a model's name from its graph's; rename the folder")
            model = replace(read_model(folder), name=name)
            for graph in model.manifest.graphs.values():
                if old is None:
                    verify(model.folder, graph)
                else:  # what replaces a model that works has to prove that it loads
                    self.session(model, graph)
        except BadModel as error:
            line = f"{error}{_kept(old)}"
        except Exception:
            # Of one model: the others are served, and it is tried again when its files change.
            log.exception("model %s", name)
            line = f"it cannot be loaded; the server's log says why{_kept(old)}"
        else:
            log.info("model %s: version %s in service", model.name, model.version)
            return model, None
        log.error("model %s: %s", name, line)
        return old, line


def _kept(old: Model | None) -> str:
    return f"; version {old.version} stays in service" if old else ""


def _named(folder: Path) -> bool:
    """Whether the folder is meant to be a model; one that cannot be entered may be."""
    try:
        return (folder / "manifest.json").is_file()
    except OSError:
        return True


def _name_inside(folder: Path) -> str:
    """As the manifest calls the model; where it does not, the name of the folder."""
    try:
        name = read_model(folder).manifest.document.get("name")
    except BadModel:  # which it is told as its problem
        name = None
    if isinstance(name, str) and name and not set(name) & {".", "/"}:
        return name
    return folder.resolve().name


def _fingerprint(folder: Path) -> Fingerprint:
    """Changes whenever a file of the model does; costs no reading."""
    try:
        files = [folder / "manifest.json", *sorted(folder.glob("onnx/*"))]
        return tuple((str(each), *stamp(each)) for each in files)
    except OSError as error:  # reading the model says the same, as its problem
        return ((str(error), 0, 0, 0),)
