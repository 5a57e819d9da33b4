"""A graph run in the queue, for code that waits for each answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass

from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays
from serving.queue.jobs import Cancelled, abandoned, late
from serving.queue.plane import Plane

Deadline = Callable[[], float]
"""Of the run that starts now, on the clock of time.monotonic, in seconds."""


def never() -> float:
    """The deadline of what nobody waits for."""
    return float("inf")


@dataclass(frozen=True)
class QueuedRun:
    """Runs the graphs of a model in the queue of a plane, each until its deadline.

    Raises Abandoned once `cancelled` is set, before a run and in the middle of one.
    """

    plane: Plane
    model: Model
    deadline: Deadline = never
    cancelled: Cancelled | None = None

    def graph(self, name: str, /) -> Graph:
        return self.model.manifest.graph(name)

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        if self.cancelled is not None and self.cancelled.is_set():
            raise abandoned()
        deadline = self.deadline()
        future = self.plane.submit(self.model, graph, inputs, outputs, deadline)
        if self.cancelled is not None:
            self.cancelled.watch(future)
        try:
            left = deadline - time.monotonic()
            return future.result(None if left == float("inf") else max(left, 0))
        except TimeoutError as error:
            future.cancel()
            raise late() from error
        except CancelledError as error:
            raise abandoned() from error
