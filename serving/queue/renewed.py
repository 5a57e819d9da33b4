"""Runs of long work: the time of a request is given to each step of it anew."""

from __future__ import annotations

from dataclasses import dataclass

from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.task import Task
from serving.queue.jobs import Cancelled
from serving.service import Service


def run_of(service: Service, task: Task, model: Model, cancelled: Cancelled) -> Run:
    """What a task runs its graphs by, until its client goes."""
    if task.events is not None:
        return Renewed(service, model, cancelled)
    return service.plane.runner(model, service.deadline(), cancelled)


@dataclass(frozen=True)
class Renewed:
    """A run whose deadline starts anew each time."""

    service: Service
    model: Model
    cancelled: Cancelled

    def graph(self, name: str, /) -> Graph:
        return self.model.manifest.graph(name)

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        run = self.service.plane.runner(self.model, self.service.deadline(), self.cancelled)
        return run(graph, *outputs, **inputs)
