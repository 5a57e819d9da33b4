"""What Prometheus reads at /metrics: requests, runs, the queue and the process.

Labels name models that are served and their tasks alone, so that no client can make series. Counts
are plain numbers until they are read: each has one writer at a time, the event loop or the worker
that runs the graph, and the locks of prometheus_client would cost more than all else of a request.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.requests import Request
from starlette.responses import Response

from repertoire.runtime.model import Model
from serving.admission import Admission
from serving.described import Described, marked
from serving.plane import Plane
from serving.repository import Repository
from serving.statistics import Distribution, Key

_MODEL = re.compile(r"/v([12])/models/([^/]+)(?:/(.*))?")
_RUNNING = ("infer", "generate", "generate_stream")  # what runs a model below /v2
_HEALTH = re.compile(r"/v2/health/[a-z]+|/v2/models/[^/]+(?:/versions/[^/]+)?/ready")
OPEN_METRICS = "application/openmetrics-text"
_MOST_PATHS = 4096


class Endpoint:
    """Requests to one endpoint of one version of a model; `key` ends with it."""

    __slots__ = ("answers", "key", "seconds")

    def __init__(self, key: Key) -> None:
        self.key, self.answers, self.seconds = key, Counter[int](), Distribution()


class Metrics(Collector):
    """Counts requests, on the event loop; the plane's statistics count runs."""

    def __init__(self, repository: Repository, plane: Plane, admission: Admission) -> None:
        self.registry = CollectorRegistry()
        self._repository, self._statistics = repository, plane.statistics
        self._gauges: dict[str, tuple[str, Callable[[], int]]] = {
            "queue_length": ("Requests that wait for a run", lambda: len(plane)),
            "tasks_running": ("Tasks that are being answered", admission.running),
            "models": ("Models that are served", lambda: len(repository.models)),
        }
        self._models: Mapping[str, Model] = {}
        self._paths: dict[str, Endpoint] = {}
        self._endpoints: dict[Key, Endpoint] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def answered(self, path: str, status: int, seconds: float) -> Endpoint:
        """Counts a request. Returns what it was counted for."""
        if self._repository.models is not self._models:
            self._forget()
        endpoint = self._paths.get(path) or self._find(path)
        endpoint.answers[status] += 1
        endpoint.seconds.add(seconds)
        return endpoint

    def collect(self) -> Iterator[Metric]:
        named = ("model", "version", "endpoint")
        endpoints = list(self._endpoints.values())
        answers = CounterMetricFamily(
            "repertoire_requests", "Requests answered", labels=(*named, "status")
        )
        for endpoint in endpoints:
            for status, number in list(endpoint.answers.items()):
                answers.add_metric((*endpoint.key, str(status)), number)
        yield answers
        by_endpoint = [(endpoint.key, endpoint.seconds) for endpoint in endpoints]
        yield _histogram("request_seconds", "From request to answer", named, by_endpoint)
        graph = ("model", "version", "graph")
        runs = [(key, each) for key, each in self._statistics.runs() if each.runs]
        numbers = CounterMetricFamily("repertoire_runs", "Runs of a graph", labels=graph)
        for key, each in runs:
            numbers.add_metric(key, each.runs)
        yield numbers
        seconds, sizes, waits = (
            [(key, getattr(each, name)) for key, each in runs]
            for name in ("seconds", "sizes", "waits")
        )
        yield _histogram("run_seconds", "One run of a graph", graph, seconds)
        yield _histogram("run_rows", "Rows that share a run", graph, sizes)
        yield _histogram("queue_wait_seconds", "From request to run", graph, waits)
        for name, (told, value) in self._gauges.items():
            yield GaugeMetricFamily(f"repertoire_{name}", told, value())

    def _find(self, path: str) -> Endpoint:
        key = self._labels(path)
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            endpoint = self._endpoints[key] = Endpoint(key)
        if key[0] and len(self._paths) < _MOST_PATHS:
            self._paths[path] = endpoint
        return endpoint

    def _labels(self, path: str) -> Key:
        """The first two are empty for what is not served."""
        found = _MODEL.fullmatch(path)
        if found is None or _HEALTH.fullmatch(path):
            known = "health" if _HEALTH.fullmatch(path) else "other"
            return "", "", "metrics" if path == "/metrics" else known
        protocol, name, rest = found.groups()
        model = self._models.get(name.partition(".")[0] if protocol == "2" else name)
        if protocol == "2":
            last = (rest or "").rpartition("/")[2]
            endpoint = last if last in _RUNNING else "metadata"
        else:
            endpoint = rest if model is not None and rest in model.manifest.tasks else "other"
        return (model.name, model.version, endpoint) if model else ("", "", endpoint)

    def _forget(self) -> None:
        """Takes in the models of now, and drops what was counted for versions that are gone."""
        self._models = self._repository.models
        self._paths.clear()
        served = {("", "")} | {(model.name, model.version) for model in self._models.values()}
        for key in [key for key in self._endpoints if key[:2] not in served]:
            del self._endpoints[key]
        self._statistics.keep(served)

    @marked(Described({200: {kind: {"type": "string"} for kind in ("text/plain", OPEN_METRICS)}}))
    async def page(self, request: Request) -> Response:
        """What Prometheus reads: counts and times of requests, runs and the process.

        Written in a thread of its own: it takes milliseconds where there are many models.
        """
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(await asyncio.to_thread(encode, self.registry), media_type=kind)


def _histogram(
    name: str, told: str, labels: Sequence[str], found: Sequence[tuple[Key, Distribution]]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"repertoire_{name}", told, labels=labels)
    for key, values in found:
        bounds = [*map(floatToGoString, values.bounds), "+Inf"]
        counts = map(float, values.up_to())
        family.add_metric(key, list(zip(bounds, counts, strict=True)), values.total)
    return family
