"""onnxruntime sessions: how they are opened, and a few of them kept open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

import onnxruntime as ort

from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, verify

Stamp = tuple[int, int, int]
_shared: list[int] = []  # bytes of the memory that sessions share, once there is such


def share_memory(most: int) -> None:
    """From now on the runs of all sessions of this process take `most` bytes at once, not more.

    Runs beyond it fail. Otherwise each session keeps the most that a run of its own ever took.
    """
    if _shared:
        raise ValueError(f"sessions share {_shared[0]} bytes already")
    settings = {"max_mem": most, "arena_extend_strategy": 1}  # 1: by what is needed, not by twice
    others = {"initial_chunk_size_bytes": -1, "max_dead_bytes_per_chunk": -1}  # as by default
    kind, use = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, ort.OrtMemType.DEFAULT
    place = ort.OrtMemoryInfo("Cpu", kind, 0, use)
    ort.create_and_register_allocator(place, ort.OrtArenaCfg({**settings, **others}))
    _shared.append(most)


def open_session(
    content: Path | bytes, threads: int, *, alone: bool = False
) -> ort.InferenceSession:
    """A session on the CPU. `alone`: in a process that does nothing but run it.

    Threads spin there while they wait; elsewhere they would take the processor from others. And
    there a plan of the memory is kept for each shape, which pays where shapes are few.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = alone
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(alone)))
    # Otherwise a file in onnxruntime's own format would pass, which was not inspected.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if _shared:
        options.add_session_config_entry("session.use_env_allocators", "1")
        # Weights are none of what runs take.
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # By path where there is one: given bytes, a session keeps them for life beside its weights.
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def open_graph(model: Model, graph: Graph, threads: int) -> ort.InferenceSession:
    """The session of a graph that is what its manifest says. Raises BadModel."""
    try:
        before = stamp(model.folder / graph.file)
        path = verify(model.folder, graph)
        opened = open_session(path, threads)
        if stamp(path) != before:
            raise BadModel(f"{graph.file} changed while it was opened; try again")
        _check_ports(opened, graph)
        return opened
    except BadModel:
        raise
    except Exception as error:  # onnxruntime's own kinds have no public base
        raise BadModel(f"{graph.file}: {error}") from error


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
            session.set_result(open_graph(model, graph, self._threads))
        except Exception as error:  # noqa: BLE001 - whoever waits for the session gets it
            with self._lock:
                if self._opened.get(graph.sha256) is session:
                    del self._opened[graph.sha256]
            session.set_exception(error)


def _check_ports(session: ort.InferenceSession, graph: Graph) -> None:
    """Raises BadModel unless the manifest names exactly the ports that the file has."""
    for kind, ports, nodes in (
        ("inputs", graph.inputs, session.get_inputs()),
        ("outputs", graph.outputs, session.get_outputs()),
    ):
        declared, actual = {p.name for p in ports}, {n.name for n in nodes}
        if declared != actual:
            raise BadModel(f"{graph.file}: {kind} {sorted(actual)}, manifest {sorted(declared)}")


def stamp(path: Path) -> Stamp:
    """Differs once a file is written or replaced; zeros where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return status.st_mtime_ns, status.st_size, status.st_ino
