"""A folder of models: checked before use, opened when first needed, replaced when it changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort

from repertoire.runtime.errors import BadModel, ModelNotFound
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, read_model, verify
from repertoire.runtime.session import Sessions, stamp

log = logging.getLogger("serving")

Fingerprint = tuple[tuple[str, int, int, int], ...]
UNLOADED = "it was unloaded; load it to serve it again"


class Repository:
    """The models below `root`, one folder each. A request sees one version from start to end."""

    def __init__(self, root: Path, *, sessions: int = 32, threads: int = 1) -> None:
        self.root = root
        self.models: Mapping[str, Model] = {}
        self.problems: Mapping[str, str] = {}
        self.unloaded: frozenset[str] = frozenset()
        self._seen: dict[str, Fingerprint] = {}
        self._sessions = Sessions(sessions, threads)
        self._refreshing = threading.Lock()

    def model(self, name: str) -> Model:
        """Raises ModelNotFound."""
        model = self.models.get(name)
        if model is not None:
            return model
        if name in self.problems:
            raise ModelNotFound(f"model {name!r} cannot be served: {self.problems[name]}")
        known = ", ".join(sorted(self.models)) or "none"
        raise ModelNotFound(f"there is no model {name!r}; the models served are: {known}")

    def session(self, model: Model, graph: Graph) -> ort.InferenceSession:
        """The open session of a graph. Raises BadModel when its file changed or does not load."""
        return self._sessions.get(model, graph)

    def load(self, name: str) -> Model:
        """Takes in what changed, and serves a model that was unloaded.

        Raises ModelNotFound, and BadModel if what is served is not what its folder should hold.
        """
        with self._refreshing:
            self.unloaded -= {name}
            self._take_in()
        if name in self.problems:
            raise BadModel(f"model {name!r}: {self.problems[name]}")
        return self.model(name)

    def unload(self, name: str) -> None:
        """Takes a model out of service until `load`; requests that have begun go on.

        Raises ModelNotFound.
        """
        with self._refreshing:
            if name not in self.unloaded:
                self.model(name)
                self.unloaded |= {name}
                self._take_in()

    def refresh(self) -> None:
        """Takes in what changed on disk. A bad new version is a problem; the old one stays."""
        with self._refreshing:
            self._take_in()

    def _take_in(self) -> None:
        models, problems = {}, {}
        for folder in self._folders():
            name = folder.name
            if name in self.unloaded:
                problems[name] = UNLOADED
                continue
            old = self.models.get(name)
            seen = _fingerprint(folder)
            if self._seen.get(name) == seen:
                model, problem = old, self.problems.get(name)
            else:
                model, problem = self._renew(folder, old)
                self._seen[name] = seen
            if model is not None:
                models[name] = model
            if problem is not None:
                problems[name] = problem
        self._seen = {n: self._seen[n] for n in {*models, *problems} - self.unloaded}
        self.models, self.problems = models, problems

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            raise BadModel(f"there is no folder {self.root}; export models or name another")
        visible = (each for each in sorted(self.root.iterdir()) if not each.name.startswith("."))
        # A folder whose manifest is gone is being written anew, if it was served before.
        return [
            each
            for each in visible
            if each.is_dir()
            and ((each / "manifest.json").is_file() or each.name in {*self.models, *self.unloaded})
        ]

    def _renew(self, folder: Path, old: Model | None) -> tuple[Model | None, str | None]:
        try:
            model = read_model(folder)
            for graph in model.manifest.graphs.values():
                if old is None:
                    verify(model.folder, graph)
                else:  # what replaces a model that works has to prove that it loads
                    self.session(model, graph)
        except BadModel as error:
            kept = f"; version {old.version} stays in service" if old else ""
            log.error("model %s: %s%s", folder.name, error, kept)
            return old, f"{error}{kept}"
        log.info("model %s: version %s in service", model.name, model.version)
        return model, None


def _fingerprint(folder: Path) -> Fingerprint:
    """Changes whenever a file of the model does; costs no reading."""
    files = [folder / "manifest.json", *sorted(folder.glob("onnx/*"))]
    return tuple((str(each), *stamp(each)) for each in files)
