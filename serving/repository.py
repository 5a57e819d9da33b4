"""A folder of models: checked before use, opened when first needed, replaced when it changes."""

from __future__ import annotations

import hashlib
import logging
import mmap
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import onnxruntime as ort

from serving.errors import BadModel, ModelNotFound
from serving.manifest import Graph, Manifest, parse
from serving.onnx_file import refuse_foreign_content
from serving.text import Encoding

log = logging.getLogger("serving")

Fingerprint = tuple[tuple[str, int, int, int], ...]
NO_TEXT = ("image", "catalogue")  # kinds of encodings that need no tokenizer


@dataclass(frozen=True)
class Model:
    """One version of one model; without a version of its own it goes by the digest of its content.

    `digest` is the sha256 of the manifest, which holds those of the graphs.
    """

    name: str
    version: str
    digest: str
    folder: Path
    manifest: Manifest

    @cached_property
    def encodings(self) -> Mapping[str, Encoding]:
        """The text encodings by name; built on first use, for tokenizers are slow to build."""
        known = self.manifest.encodings.items()
        texts = ((name, each) for name, each in known if each.get("kind") not in NO_TEXT)
        return {name: Encoding.parse(each) for name, each in texts}


class Sessions:
    """The most recently used onnxruntime sessions, by sha256: equal graphs share one."""

    def __init__(self, limit: int, threads: int) -> None:
        self._limit = limit
        self._threads = threads
        self._opened: OrderedDict[str, Future[ort.InferenceSession]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model: Model, graph: Graph) -> ort.InferenceSession:
        """Opens the graph unless it is open. Thread-safe. Raises BadModel."""
        with self._lock:
            session = self._opened.get(graph.sha256)
            first = session is None
            if session is None:
                session = self._opened[graph.sha256] = Future()
            self._opened.move_to_end(graph.sha256)
            while len(self._opened) > self._limit:
                self._opened.popitem(last=False)
        if first:
            self._open(session, model, graph)
        return session.result()

    def _open(self, session: Future[ort.InferenceSession], model: Model, graph: Graph) -> None:
        try:
            path = verify(model.folder, graph)
            before = _stamp(path)
            # By path: given bytes, a session would keep them for life beside its own weights.
            opened = ort.InferenceSession(path, self._options(), providers=["CPUExecutionProvider"])
            if _stamp(path) != before:
                raise BadModel(f"{graph.file} changed while it was opened; try again")
            _agree(opened, graph)
            session.set_result(opened)
        except Exception as error:  # noqa: BLE001 - whoever waits for the session gets it
            with self._lock:
                if self._opened.get(graph.sha256) is session:
                    del self._opened[graph.sha256]
            known = isinstance(error, BadModel)
            session.set_exception(error if known else BadModel(f"{graph.file}: {error}"))

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A plan of the memory would be kept for each shape, and batches have all sizes.
        options.enable_mem_pattern = False
        # Spinning threads take the processor from other requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Otherwise a file in onnxruntime's own format would pass, which was not inspected.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        return options


class Repository:
    """The models below `root`, one folder each. A request sees one version from start to end."""

    def __init__(self, root: Path, *, sessions: int = 32, threads: int = 1) -> None:
        self.root = root
        self.models: Mapping[str, Model] = {}
        self.problems: Mapping[str, str] = {}
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

    def refresh(self) -> None:
        """Takes in what changed on disk. A bad new version is a problem; the old one stays."""
        with self._refreshing:
            models, problems = {}, {}
            for folder in self._folders():
                name = folder.name
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
            self._seen = {name: self._seen[name] for name in {*models, *problems}}
            self.models, self.problems = models, problems

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            raise BadModel(f"there is no folder {self.root}; export models or name another")
        visible = (each for each in sorted(self.root.iterdir()) if not each.name.startswith("."))
        # A folder whose manifest is gone is being written anew, if it was served before.
        return [
            each
            for each in visible
            if each.is_dir() and ((each / "manifest.json").is_file() or each.name in self.models)
        ]

    def _renew(self, folder: Path, old: Model | None) -> tuple[Model | None, str | None]:
        try:
            model = load(folder)
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


def load(folder: Path) -> Model:
    """Reads the manifest of a model folder, not its graphs. Raises BadModel."""
    try:
        text = (folder / "manifest.json").read_bytes()
    except OSError as error:
        raise BadModel(f"manifest.json cannot be read ({error.strerror}); export again") from error
    manifest = parse(text)
    digest = hashlib.sha256(text).hexdigest()
    version = manifest.version or digest[:12]
    return Model(folder.name, version, digest, folder.resolve(), manifest)


def verify(folder: Path, graph: Graph) -> Path:
    """The file of a graph, after making sure that it is what its manifest says. Raises BadModel."""
    path = folder / graph.file
    try:
        with path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    except OSError as error:
        raise BadModel(f"{graph.file} cannot be read ({error.strerror}); export again") from error
    except ValueError as error:
        raise BadModel(f"{graph.file} is empty; export again") from error
    if hashlib.sha256(content).hexdigest() != graph.sha256:
        raise BadModel(f"{graph.file} is not what the manifest names (sha256); export again")
    refuse_foreign_content(content)
    return path


def _agree(session: ort.InferenceSession, graph: Graph) -> None:
    """Raises BadModel unless the manifest names exactly the ports that the file has."""
    for kind, ports, nodes in (
        ("inputs", graph.inputs, session.get_inputs()),
        ("outputs", graph.outputs, session.get_outputs()),
    ):
        declared, actual = {p.name for p in ports}, {n.name for n in nodes}
        if declared != actual:
            raise BadModel(f"{graph.file}: {kind} {sorted(actual)}, manifest {sorted(declared)}")


def _fingerprint(folder: Path) -> Fingerprint:
    """Changes whenever a file of the model does; costs no reading."""
    files = [folder / "manifest.json", *sorted(folder.glob("onnx/*"))]
    return tuple((str(each), *_stamp(each)) for each in files)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Differs once a file is written or replaced; zeros where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino
