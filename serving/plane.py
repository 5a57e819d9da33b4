"""Arrays in, arrays out: checks them against the ports and runs them, many requests at once.

Knows no HTTP. A worker takes the oldest request whose graph is not running and every waiting one
that can share its run: an idle graph answers at once, a busy one gathers, other graphs go on beside
it, and nothing ever waits for a timer. One run with all cores serves more requests than one run a
core, for its batches are larger.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from repertoire.runtime.errors import DeadlineExceeded, InvalidInput, Overloaded
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.ports import Limits, prepare
from repertoire.runtime.signature import Array, Arrays, Run
from serving.repository import Repository
from serving.statistics import Statistics

Deliver = Callable[[Callable[[], None]], object]
"""Calls a function, here or in another thread."""


@dataclass
class Job:
    """One request on its way through the queue."""

    model: Model
    graph: Graph
    arrays: Arrays
    outputs: tuple[str, ...]
    deadline: float
    future: Future[Arrays] = field(default_factory=Future)
    came: float = field(default_factory=time.monotonic)

    @property
    def rows(self) -> int:
        port = self.graph.inputs[0]
        return 1 if port.batch_axis is None else self.arrays[port.name].shape[port.batch_axis]

    def company(self) -> tuple[object, ...]:
        """Equal for jobs that can share one run."""
        if not self.graph.batchable:
            return (id(self),)
        shapes = (_without(self.arrays[p.name].shape, p.batch_axis) for p in self.graph.inputs)
        return (self.graph.sha256, self.outputs, *shapes)


class Plane:
    """Worker threads over a bounded queue. `close` ends them after what waits is answered.

    `deliver` completes the futures of a batch: an event loop whose callbacks wait for them takes
    all of them with one wake-up.
    """

    def __init__(
        self, repository: Repository, *, limits: Limits | None = None, workers: int | None = None
    ) -> None:
        self.repository = repository
        self.limits = limits or Limits()
        self.deliver: Deliver = _here
        self.statistics = Statistics()
        self._waiting: dict[tuple[object, ...], deque[Job]] = {}
        self._length = 0
        self._busy: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False
        names = (f"serving-{n}" for n in range(workers or os.cpu_count() or 1))
        self._workers = [threading.Thread(target=self._work, name=n, daemon=True) for n in names]
        for worker in self._workers:
            worker.start()

    def submit(
        self,
        model: Model,
        graph_name: str,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        deadline: float = float("inf"),
    ) -> Future[Arrays]:
        """Queues a run; `deadline` is on the clock of time.monotonic, in seconds.

        Raises ModelNotFound, InvalidInput, Overloaded; the future BadModel, DeadlineExceeded.
        """
        graph = model.manifest.graph(graph_name)
        try:
            wanted = _outputs(graph, outputs)
            job = Job(model, graph, prepare(graph, arrays, self.limits), wanted, deadline)
        except InvalidInput:
            self.statistics.failed(model, graph)
            raise
        with self._changed:
            if self._length >= self.limits.queue or self._closed:
                self.statistics.failed(model, graph)
                raise Overloaded(f"{self._length} requests are waiting already; try again later")
            self._waiting.setdefault(job.company(), deque()).append(job)
            self._length += 1
            if graph.sha256 not in self._busy:  # else its worker takes the job when it is done
                self._changed.notify()
        return job.future

    def runner(self, model: Model, deadline: float = float("inf")) -> Run:
        """``Run`` over this queue, for code that waits for each answer."""
        return QueuedRun(self, model, deadline)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while jobs := self._take():
            try:
                live = [job for job in jobs if self._starts(job)]
                if live:
                    self._answer(live)
            finally:
                self._release(jobs[0].graph)

    def _starts(self, job: Job) -> bool:
        """Whether somebody still waits for the job, and in time."""
        now = time.monotonic()
        if not job.future.set_running_or_notify_cancel():
            self.statistics.failed(job.model, job.graph, now - job.came)
            return False
        if job.deadline < now:
            self.statistics.failed(job.model, job.graph, now - job.came)
            self.deliver(partial(job.future.set_exception, _late()))
            return False
        return True

    def _take(self) -> list[Job]:
        """The oldest job whose graph is free and those in its company; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() or (self._closed and not self._waiting))
            company = self._next()
            if company is None:
                return []
            queue = self._waiting[company]
            self._busy.add(queue[0].graph.sha256)
            jobs = [queue.popleft()]
            rows = jobs[0].rows
            while queue and rows + queue[0].rows <= self.limits.batch:
                rows += queue[0].rows
                jobs.append(queue.popleft())
            if not queue:
                del self._waiting[company]
            self._length -= len(jobs)
            return jobs

    def _next(self) -> tuple[object, ...] | None:
        """Under the lock: the company of the oldest job whose graph is free now."""
        free = (c for c, queue in self._waiting.items() if queue[0].graph.sha256 not in self._busy)
        # Not the oldest company: one that never runs empty would hold back all others.
        return min(free, key=lambda company: self._waiting[company][0].came, default=None)

    def _release(self, graph: Graph) -> None:
        with self._changed:
            self._busy.discard(graph.sha256)
            if self._closed:
                self._changed.notify_all()

    def _answer(self, jobs: Sequence[Job]) -> None:
        first, begun = jobs[0], time.monotonic()
        try:
            session = self.repository.session(first.model, first.graph)
            inputs = _joined(jobs)
            joined = time.monotonic()
            results = session.run(list(first.outputs), inputs)
            computed = time.monotonic()
            answers = _parted(jobs, results)
        except Exception as error:  # noqa: BLE001 - every waiting client gets it
            now = time.monotonic()
            for job in jobs:
                self.statistics.failed(job.model, job.graph, now - job.came)
            self.deliver(partial(_fail, jobs, error))
        else:
            self.statistics.ran(jobs, (begun, joined, computed, time.monotonic()))
            self.deliver(partial(_complete, jobs, answers))


@dataclass(frozen=True)
class QueuedRun:
    """Runs the graphs of a model in the queue of a plane, until the deadline."""

    plane: Plane
    model: Model
    deadline: float

    def graph(self, name: str, /) -> Graph:
        return self.model.manifest.graph(name)

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        future = self.plane.submit(self.model, graph, inputs, outputs, self.deadline)
        try:
            left = self.deadline - time.monotonic()
            return future.result(None if left == float("inf") else max(left, 0))
        except TimeoutError as error:
            future.cancel()
            raise _late() from error


def _outputs(graph: Graph, wanted: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(port.name for port in graph.outputs)
    unknown = set(wanted or ()) - set(names)
    if unknown:
        raise InvalidInput(f"no output {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return tuple(wanted) if wanted else names


def _late() -> DeadlineExceeded:
    return DeadlineExceeded("the answer was not ready in time; ask for less, or try again later")


def _here(function: Callable[[], None]) -> None:
    function()


def _fail(jobs: Sequence[Job], error: Exception) -> None:
    for job in jobs:
        job.future.set_exception(error)


def _complete(jobs: Sequence[Job], answers: Sequence[Arrays]) -> None:
    for job, answer in zip(jobs, answers, strict=True):
        job.future.set_result(answer)


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def _joined(jobs: Sequence[Job]) -> Arrays:
    if len(jobs) == 1:
        return jobs[0].arrays
    ports = jobs[0].graph.inputs
    return {p.name: np.concatenate([j.arrays[p.name] for j in jobs], p.batch_axis) for p in ports}


def _parted(jobs: Sequence[Job], results: Sequence[Array]) -> list[Arrays]:
    names = jobs[0].outputs
    if len(jobs) == 1:
        return [dict(zip(names, results, strict=True))]
    before = {port.name: (slice(None),) * (port.batch_axis or 0) for port in jobs[0].graph.outputs}
    named = [(name, before[name], result) for name, result in zip(names, results, strict=True)]
    parts, start = [], 0
    for job in jobs:
        own = slice(start, start := start + job.rows)
        parts.append({name: result[*axes, own] for name, axes, result in named})
    return parts
