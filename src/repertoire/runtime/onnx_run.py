"""``Run`` by onnxruntime: in one thread after another, without a queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import onnxruntime as ort

from repertoire.runtime.errors import ModelNotFound
from repertoire.runtime.ports import Limits, prepare, with_states
from repertoire.runtime.session import open_session
from repertoire.runtime.signature import Array, Arrays, Signature


class OnnxRun:
    """Runs graphs by name; `opened(name)` gives a session, at first use, for not all are needed.

    Inputs are checked against their ports within `limits`; None trusts them. Thread-safe.
    """

    def __init__(
        self,
        graphs: Mapping[str, Signature],
        opened: Callable[[str], ort.InferenceSession],
        limits: Limits | None,
    ) -> None:
        self._graphs, self._opened, self._limits = graphs, opened, limits
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._lock = threading.Lock()

    @staticmethod
    def of_files(folder: Path, graphs: Sequence[Signature], threads: int) -> OnnxRun:
        """Over the files that an export wrote a moment ago; for evaluation, in a process alone."""

        def opened(name: str) -> ort.InferenceSession:
            return open_session(folder / f"{name}.onnx", threads, alone=True)

        return OnnxRun({graph.name: graph for graph in graphs}, opened, None)

    def graph(self, name: str, /) -> Signature:
        """Raises ModelNotFound."""
        if name not in self._graphs:
            raise ModelNotFound(f"there is no graph {name!r}; there are: {', '.join(self._graphs)}")
        return self._graphs[name]

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        signature = self.graph(graph)
        if self._limits is None:
            ready = with_states(signature, inputs)
        else:
            ready = prepare(signature, inputs, self._limits)
        session = self._sessions.get(graph) or self._open(graph)
        names = list(outputs or (port.name for port in signature.outputs))
        return dict(zip(names, session.run(names, ready), strict=True))

    def _open(self, graph: str) -> ort.InferenceSession:
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = self._opened(graph)
            return self._sessions[graph]


def run_session(session: ort.InferenceSession, inputs: Mapping[str, Array]) -> Arrays:
    """Outputs of a session by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
