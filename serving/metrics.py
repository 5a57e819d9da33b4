"""What Prometheus reads at /metrics: requests, runs, the queue and the process.

Labels name models that are served and their tasks alone, so that no client can make series.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from repertoire.runtime.model import Model
from serving.admission import Admission
from serving.jobs import Job
from serving.plane import Plane
from serving.repository import Repository

_MODEL = re.compile(r"/v([12])/models/([^/]+)(?:/(.*))?")
_HEALTH = re.compile(r"/v2/health/[a-z]+|/v2/models/[^/]+(?:/versions/[^/]+)?/ready")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_MOST_PATHS = 4096


@dataclass
class Series:
    """Of the requests to one endpoint of one version of a model; `answers` by status."""

    model: str
    version: str
    endpoint: str
    seconds: Any
    answers: dict[int, Any] = field(default_factory=dict)


class Metrics:
    """Counts requests on the event loop and, as an observer of the plane, runs in its workers."""

    def __init__(self, repository: Repository, plane: Plane, admission: Admission) -> None:
        self.registry = CollectorRegistry()
        self._repository = repository
        ProcessCollector(registry=self.registry)
        named = ("model", "version", "endpoint")
        self._answers = self._counter("requests", "Requests answered", (*named, "status"))
        self._seconds = self._histogram("request_seconds", "From request to answer", named)
        graph = ("model", "version", "graph")
        self._runs = self._counter("runs", "Runs of a graph", graph)
        self._run_seconds = self._histogram("run_seconds", "One run of a graph", graph)
        self._rows = self._histogram("run_rows", "Rows that share a run", graph, _ROWS)
        self._waits = self._histogram("queue_wait_seconds", "From request to run", graph)
        self._gauge("queue_length", "Requests that wait for a run", lambda: len(plane))
        self._gauge("tasks_running", "Tasks that are being answered", admission.running)
        self._gauge("models", "Models that are served", lambda: len(repository.models))
        self._models: Mapping[str, Model] = {}
        self._paths: dict[str, Series] = {}
        self._series: dict[tuple[str, str, str], Series] = {}
        self._of_graph: dict[tuple[str, str, str], Sequence[Any]] = {}

    def _counter(self, name: str, told: str, labels: Iterable[str]) -> Counter:
        return Counter(f"repertoire_{name}", told, labels, registry=self.registry)

    def _histogram(
        self, name: str, told: str, labels: Iterable[str], buckets: Sequence[float] = _SECONDS
    ) -> Histogram:
        named = f"repertoire_{name}"
        return Histogram(named, told, labels, registry=self.registry, buckets=buckets)

    def _gauge(self, name: str, told: str, value: Any) -> None:
        Gauge(f"repertoire_{name}", told, registry=self.registry).set_function(value)

    def answered(self, path: str, status: int, seconds: float) -> Series:
        """Counts a request. Returns the series that it belongs to."""
        if self._repository.models is not self._models:
            self._forget()
        series = self._paths.get(path)
        if series is None:
            series = self._find(path)
        answers = series.answers.get(status)
        if answers is None:
            labels = (series.model, series.version, series.endpoint, str(status))
            answers = series.answers[status] = self._answers.labels(*labels)
        answers.inc()
        series.seconds.observe(seconds)
        return series

    def ran(self, jobs: Sequence[Job], times: Sequence[float]) -> None:
        first = jobs[0]
        key = (first.model.name, first.model.version, first.graph.name)
        counts = self._of_graph.get(key)
        if counts is None:
            several = (self._runs, self._run_seconds, self._rows, self._waits)
            counts = self._of_graph[key] = [each.labels(*key) for each in several]
        runs, seconds, rows, waits = counts
        runs.inc()
        seconds.observe(times[2] - times[1])
        rows.observe(sum(job.rows for job in jobs))
        for job in jobs:
            waits.observe(times[0] - job.came)

    def _find(self, path: str) -> Series:
        key = self._labels(path)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(*key, self._seconds.labels(*key))
        if key[0] and len(self._paths) < _MOST_PATHS:
            self._paths[path] = series
        return series

    def _labels(self, path: str) -> tuple[str, str, str]:
        """Model, version and endpoint; the first two are empty for what is not served."""
        found = _MODEL.fullmatch(path)
        if found is None or _HEALTH.fullmatch(path):
            known = "health" if _HEALTH.fullmatch(path) else "other"
            return "", "", "metrics" if path == "/metrics" else known
        protocol, name, rest = found.groups()
        model = self._models.get(name.partition(".")[0] if protocol == "2" else name)
        if protocol == "2":
            endpoint = "infer" if (rest or "").rpartition("/")[2] == "infer" else "metadata"
        else:
            endpoint = rest if model is not None and rest in model.manifest.tasks else "other"
        return (model.name, model.version, endpoint) if model else ("", "", endpoint)

    def _forget(self) -> None:
        """Takes in the models of now, and drops the series of versions that are gone."""
        self._models = self._repository.models
        self._paths.clear()
        served = {("", "")} | {(model.name, model.version) for model in self._models.values()}
        for key in [key for key in self._series if key[:2] not in served]:
            series = self._series.pop(key)
            self._seconds.remove(*key)
            for status in series.answers:
                self._answers.remove(*key, str(status))
        for key in [key for key in self._of_graph if key[:2] not in served]:
            del self._of_graph[key]
            for each in (self._runs, self._run_seconds, self._rows, self._waits):
                each.remove(*key)

    async def page(self, request: Request) -> Response:
        """Written in a thread of its own: it takes milliseconds where there are many models."""
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(await asyncio.to_thread(encode, self.registry), media_type=kind)
