"""Requests on their way through the queue, and the run that several of them share."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import onnxruntime as ort

from repertoire.runtime.errors import (
    Abandoned,
    DeadlineExceeded,
    InferenceError,
    InvalidInput,
    Overloaded,
)
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.ports import Limits
from repertoire.runtime.signature import Array, Arrays, Port
from serving.queue.estimates import gigabytes, product

_OUT_OF_MEMORY = ("allocate memory", "Available memory of", "bad allocation", "bad_alloc")


class Pending(Future[Arrays]):
    """An answer to come. `cancel` also ends a run that nobody waits for any more."""

    def __init__(self) -> None:
        super().__init__()
        self.left = False
        self.batch: Batch | None = None

    def cancel(self) -> bool:
        """False once the run began, as of every future."""
        if super().cancel():
            return True
        if not self.done():
            self.left, batch = True, self.batch
            if batch is not None:
                batch.end_if_left()
        return False


@dataclass
class Job:
    """One request. `sizes` of its free axes; `bytes`: estimated memory of its run alone."""

    model: Model
    graph: Graph
    arrays: Arrays
    outputs: tuple[str, ...]
    deadline: float
    sizes: Mapping[str, int]
    rows: int
    bytes: int
    future: Pending = field(default_factory=Pending)
    came: float = field(default_factory=time.monotonic)

    def batch_key(self) -> tuple[object, ...]:
        """Equal for jobs that can share one run."""
        if not self.graph.batchable:
            return (id(self),)
        shapes = [_without(self.arrays[p.name].shape, p.batch_axis) for p in self.graph.inputs]
        return (self.graph.sha256, self.outputs, *shapes)


class Batch:
    """The jobs of one run, which ends when all of them are left."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.rows = self.bytes = 0
        self._options = ort.RunOptions()
        for job in jobs:
            self.rows += job.rows
            self.bytes += job.bytes
            job.future.batch = self
        self.end_if_left()  # one may have been left before it knew its batch

    def close(self) -> None:
        """Lets go of the jobs, or a circle of references would keep them for a while."""
        for job in self.jobs:
            job.future.batch = None

    def end_if_left(self) -> None:
        for job in self.jobs:
            if not job.future.left:
                return
        self._options.terminate = True

    def run(
        self, session: ort.InferenceSession, limits: Limits
    ) -> tuple[list[Arrays], float, float]:
        """An answer for each job, and when the inputs were joined and the outputs computed.

        Rows go apart where all at once would take too much memory.

        Raises Abandoned when all jobs are left; InvalidInput and Overloaded when memory runs out.
        """
        if self.bytes > limits.slice_bytes:  # large arrays go back to the system
            self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        arrays, step = _joined(self.jobs), self._rows_at_once(limits.slice_bytes)
        joined = time.monotonic()
        while True:
            try:
                results = self._run_by(session, arrays, step)
                computed = time.monotonic()
                return _parted(self.jobs, results), joined, computed
            except Exception as error:
                if self._options.terminate:
                    raise abandoned() from error
                if not _is_out_of_memory(error):
                    raise
                if step == 1 or not self._can_be_cut:
                    raise self._too_large(limits) from error
                step = min(step, self.rows) // 2

    @property
    def _can_be_cut(self) -> bool:
        graph, sizes = self.jobs[0].graph, self.jobs[0].sizes
        free = {size for port in graph.outputs for size in port.shape if isinstance(size, str)}
        return graph.batchable and free <= sizes.keys()  # else parts might differ in length

    def _rows_at_once(self, slice_bytes: int) -> int:
        if self.bytes <= slice_bytes or not self._can_be_cut:
            return self.rows
        return max(1, self.rows * slice_bytes // self.bytes)

    def _run_by(self, session: ort.InferenceSession, arrays: Arrays, step: int) -> list[Array]:
        names, graph = list(self.jobs[0].outputs), self.jobs[0].graph
        if step >= self.rows:
            return list(session.run(names, arrays, self._options))
        before = _before_batch(graph.inputs)
        parts = []
        for start in range(0, self.rows, step):
            if self._options.terminate:
                raise abandoned()
            rows = slice(start, start + step)
            part = {name: array[*before[name], rows] for name, array in arrays.items()}
            parts.append(session.run(names, part, self._options))
        axes = {port.name: port.batch_axis or 0 for port in graph.outputs}
        columns = zip(names, zip(*parts, strict=True), strict=True)
        return [np.concatenate(column, axes[name]) for name, column in columns]

    def _too_large(self, limits: Limits) -> InferenceError:
        """What cannot succeed is refused; what others leave no memory for may come again."""
        job = max(self.jobs, key=lambda job: job.bytes)
        line = f"{product(job.sizes)} of {job.model.name}.{job.graph.name} takes more memory than "
        if job.bytes > limits.run_bytes:
            most = f"the {gigabytes(limits.run_bytes)} of a run"
            return InvalidInput(f"{line}{most}; send fewer or shorter rows")
        return Overloaded(f"{line}is left now; send fewer or shorter rows, or try again later")


def _is_out_of_memory(error: Exception) -> bool:
    told = str(error)
    return isinstance(error, MemoryError) or any(words in told for words in _OUT_OF_MEMORY)


def late() -> DeadlineExceeded:
    return DeadlineExceeded("the answer was not ready in time; ask for less, or try again later")


def abandoned() -> Abandoned:
    return Abandoned("nobody waits for the answer any more")


class Cancelled:
    """Whether the client of a request has gone; `set` from any thread gives up what runs for it."""

    def __init__(self) -> None:
        self._set = False
        self._futures: set[Pending] = set()
        self._lock = threading.Lock()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        with self._lock:
            self._set, futures = True, list(self._futures)
        for future in futures:
            future.cancel()

    def watch(self, future: Pending) -> None:
        """Until it is done, the future is cancelled with the request."""
        with self._lock:
            self._futures.add(future)
        future.add_done_callback(self._forget)
        if self._set:
            future.cancel()

    def _forget(self, future: Future[Arrays]) -> None:
        with self._lock:
            self._futures.discard(future)


def fail(jobs: Sequence[Job], error: Exception) -> None:
    for job in jobs:
        job.future.set_exception(error)


def complete(jobs: Sequence[Job], answers: Sequence[Arrays]) -> None:
    for job, answer in zip(jobs, answers, strict=True):
        job.future.set_result(answer)


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def _joined(jobs: Sequence[Job]) -> Arrays:
    if len(jobs) == 1:
        return jobs[0].arrays
    ports = jobs[0].graph.inputs
    return {p.name: np.concatenate([j.arrays[p.name] for j in jobs], p.batch_axis) for p in ports}


def _before_batch(ports: Sequence[Port]) -> dict[str, tuple[slice, ...]]:
    """The index of what comes before the batch axis, by name of the port."""
    return {port.name: (slice(None),) * (port.batch_axis or 0) for port in ports}


def _parted(jobs: Sequence[Job], results: Sequence[Array]) -> list[Arrays]:
    names = jobs[0].outputs
    if len(jobs) == 1:
        return [dict(zip(names, results, strict=True))]
    before = _before_batch(jobs[0].graph.outputs)
    named = [(name, before[name], result) for name, result in zip(names, results, strict=True)]
    parts, start = [], 0
    for job in jobs:
        own = slice(start, start := start + job.rows)
        parts.append({name: result[*axes, own] for name, axes, result in named})
    return parts
