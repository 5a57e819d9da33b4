"""``Run`` by onnxruntime; imports no torch."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from repertoire.config import RepertoireError
from repertoire.contract import Array, Arrays


def session(model: Path | bytes, threads: int) -> onnxruntime.InferenceSession:
    """A CPU session for a process that does nothing else: its threads spin while they wait.

    A server's must sleep instead, because they would take the cores from other requests.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = model.read_bytes() if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class OnnxRun:
    """Runs exported graphs by name.

    Sessions open at first use, because not every metric needs every graph.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder = folder
        self.threads = threads
        self._sessions: dict[str, Any] = {}

    def __call__(self, graph: str, **inputs: Array) -> Arrays:
        if graph not in self._sessions:
            path = self.folder / f"{graph}.onnx"
            if not path.exists():
                known = ", ".join(sorted(p.stem for p in self.folder.glob("*.onnx")))
                raise RepertoireError(f"{self.folder}: no graph {graph!r}; there are: {known}")
            self._sessions[graph] = session(path, self.threads)
        return run_session(self._sessions[graph], inputs)


def run_session(open_session: onnxruntime.InferenceSession, inputs: Mapping[str, Array]) -> Arrays:
    """Outputs of a session by name."""
    names = [output.name for output in open_session.get_outputs()]
    return dict(zip(names, open_session.run(names, dict(inputs)), strict=True))
