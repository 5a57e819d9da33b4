"""Arrays in, arrays out: checks them against the ports and runs them, many requests at once.

Knows no HTTP. A worker takes the oldest request whose graph is not running and every waiting one
that can share its run: an idle graph answers at once, a busy one gathers, other graphs go on beside
it, and nothing ever waits for a timer. One run with all cores serves more requests than one run a
core, for its batches are larger. One worker is kept for what is expected to run shortly, so that
long runs of several graphs hold nobody else back.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from repertoire.runtime.errors import InferenceError, InvalidInput, Overloaded
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.ports import Limits, prepare_sized
from repertoire.runtime.signature import Array
from serving.queue.estimates import Estimates
from serving.queue.jobs import Batch, Job, Pending, complete, fail, late
from serving.queue.statistics import Statistics
from serving.repository import Repository

Deliver = Callable[[Callable[[], None]], object]
"""Calls a function, here or in another thread."""
LONG_SECONDS = 0.25  # a run that is expected to take more is a long one


class Observer(Protocol):
    """Is told of each run, in the thread of a worker."""

    def ran(self, jobs: Sequence[Job], times: Sequence[float]) -> None:
        """`times` on the clock of time.monotonic: taken up, inputs joined, computed, parted."""


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
        self.observers: list[Observer] = [self.statistics]
        self._estimates = Estimates()
        self._waiting: dict[tuple[object, ...], deque[Job]] = {}
        self._length = 0
        self._of_model: dict[str, int] = {}  # requests that wait
        self._busy: set[str] = set()
        self._long: set[str] = set()  # those of the busy graphs that run long
        self._brief = False  # there are as many of them as there may be
        self._memory: dict[str, int] = {}  # that runs of busy graphs take, where it is much
        self._changed = threading.Condition()
        self._closed = False
        number = workers or max(2, os.cpu_count() or 1)
        self._most_long = number - 1 if number > 1 else 2  # a worker alone runs what comes
        self._workers = [
            threading.Thread(target=self._work, name=f"serving-{n}", daemon=True)
            for n in range(number)
        ]
        for worker in self._workers:
            worker.start()

    def __len__(self) -> int:
        """Requests that wait for a run."""
        return self._length

    def submit(
        self,
        model: Model,
        graph_name: str,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        deadline: float = float("inf"),
    ) -> Pending:
        """Queues a run; `deadline` is on the clock of time.monotonic, in seconds.

        Raises ModelNotFound, InvalidInput, Overloaded; the future Abandoned, BadModel,
        DeadlineExceeded, Overloaded.
        """
        graph = model.manifest.graph(graph_name)
        try:
            wanted = _outputs(graph, outputs)
            ready, sizes = prepare_sized(graph, arrays, self.limits)
            memory = self._estimates.memory(model, graph, ready, sizes, self.limits)
            rows = sizes.get("batch", 1)
            job = Job(model, graph, ready, wanted, deadline, sizes, rows, memory)
            with self._changed:
                self._admit(model.name)
                self._waiting.setdefault(job.batch_key(), deque()).append(job)
                self._count(job, 1)
                if graph.sha256 not in self._busy:  # else its worker takes the job when it is done
                    self._changed.notify()
        except InferenceError:
            self.statistics.failed(model, graph)
            raise
        return job.future

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _admit(self, name: str) -> None:
        """Under the lock. Raises Overloaded."""
        if self._closed or self._length >= self.limits.queue:
            raise Overloaded(f"{self._length} requests are waiting already; try again later")
        if self._of_model.get(name, 0) >= self.limits.queue_of_model:
            waiting = f"{self._of_model[name]} requests to {name} are waiting already"
            raise Overloaded(f"{waiting}; try again later")

    def _count(self, job: Job, number: int) -> None:
        name = job.model.name
        self._length += number
        self._of_model[name] = self._of_model.get(name, 0) + number

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
            self.deliver(partial(job.future.set_exception, late()))
            return False
        return True

    def _take(self) -> list[Job]:
        """The oldest job whose graph is free and those that can share its run; none when closed."""
        with self._changed:
            while (key := self._next()) is None:
                if self._closed and not self._waiting:
                    return []
                self._changed.wait()
            queue = self._waiting[key]
            first = queue.popleft()
            jobs, rows, memory = [first], first.rows, first.bytes
            while queue and rows + queue[0].rows <= self.limits.batch:
                if self._brief and self._is_long(first, memory + queue[0].bytes):
                    break
                rows += queue[0].rows
                memory += queue[0].bytes
                jobs.append(queue.popleft())
            if not queue:
                del self._waiting[key]
            for job in jobs:
                self._count(job, -1)
            self._busy.add(first.graph.sha256)
            if memory > self.limits.slice_bytes:
                self._memory[first.graph.sha256] = self._at_once(first)
            if self._is_long(first, memory):
                self._long.add(first.graph.sha256)
                self._brief = len(self._long) >= self._most_long
            return jobs

    def _next(self) -> tuple[object, ...] | None:
        """Under the lock: the key of the oldest job that may run now.

        Not the oldest key: one whose queue never runs empty would hold back all others.
        """
        oldest, came = None, float("inf")
        for key, queue in self._waiting.items():
            job = queue[0]
            if job.came >= came or job.graph.sha256 in self._busy:
                continue
            if self._memory and not self._fits(job):
                continue
            if not (self._brief and self._is_long(job, job.bytes)):
                oldest, came = key, job.came
        return oldest

    def _fits(self, job: Job) -> bool:
        """Whether a run of the job has room beside those that take much memory."""
        if job.bytes <= self.limits.slice_bytes:
            return True
        return sum(self._memory.values()) + self._at_once(job) <= self.limits.run_bytes

    def _at_once(self, job: Job) -> int:
        """Bytes of the part of a large job that runs at once, so that small ones have room too."""
        slice_bytes = self.limits.slice_bytes
        part = max(job.bytes // job.rows, slice_bytes) if job.graph.batchable else job.bytes
        return min(part, self.limits.run_bytes - slice_bytes)

    def _is_long(self, job: Job, memory: int) -> bool:
        return self._estimates.seconds(job.graph, memory) > LONG_SECONDS

    def _release(self, graph: Graph) -> None:
        with self._changed:
            self._busy.discard(graph.sha256)
            if self._memory or self._long:
                self._memory.pop(graph.sha256, None)
                self._long.discard(graph.sha256)
                self._brief = len(self._long) >= self._most_long
                self._changed.notify_all()
            elif self._closed:
                self._changed.notify_all()

    def _answer(self, jobs: Sequence[Job]) -> None:
        first, begun, batch = jobs[0], time.monotonic(), Batch(jobs)
        try:
            session = self.repository.session(first.model, first.graph)
            answers, joined, computed = batch.run(session, self.limits)
            self._estimates.learn(first.graph, batch.bytes, computed - joined)
            times = (begun, joined, computed, time.monotonic())
            for observer in self.observers:
                observer.ran(jobs, times)
        except Exception as error:  # noqa: BLE001 - every waiting client gets it
            now = time.monotonic()
            for job in jobs:
                self.statistics.failed(job.model, job.graph, now - job.came)
            self.deliver(partial(fail, jobs, error))
        else:
            self.deliver(partial(complete, jobs, answers))
        finally:
            batch.close()


def _outputs(graph: Graph, wanted: Sequence[str] | None) -> tuple[str, ...]:
    names = graph.output_names
    if not wanted:
        return names
    if unknown := set(wanted).difference(names):
        raise InvalidInput(f"no output {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return tuple(wanted)


def _here(function: Callable[[], None]) -> None:
    function()
