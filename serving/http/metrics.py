"""What Prometheus reads at /metrics: requests, runs, the queue and the process.

Labels name models that are served and their tasks alone, so that no client can make series. Counts
are plain numbers until they are read: each has one writer at a time, the event loop or the worker
that runs the graph, and the locks of prometheus_client would cost more than all else of a request.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from repertoire.runtime.model import Model
from serving.http.admission import Admission
from serving.openapi.described import Described, marked
from serving.queue.plane import Plane
from serving.queue.statistics import Distribution, Key
from serving.repository import Repository

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


class Metrics:
    """Counts requests, on the event loop; the plane's statistics count runs."""

    def __init__(self, repository: Repository, plane: Plane, admission: Admission) -> None:
        self._repository, self.statistics = repository, plane.statistics
        self.gauges: dict[str, tuple[str, Callable[[], int]]] = {
            "queue_length": ("Requests that wait for a run", lambda: len(plane)),
            "tasks_running": ("Tasks that are being answered", admission.running),
            "models": ("Models that are served", lambda: len(repository.models)),
        }
        self._models: Mapping[str, Model] = {}
        self._paths: dict[str, Endpoint] = {}
        self.endpoints: dict[Key, Endpoint] = {}

    def answered(self, path: str, status: int, seconds: float) -> Endpoint:
        """Counts a request. Returns what it was counted for."""
        if self._repository.models is not self._models:
            self._forget()
        endpoint = self._paths.get(path) or self._find(path)
        endpoint.answers[status] += 1
        endpoint.seconds.add(seconds)
        return endpoint

    def _find(self, path: str) -> Endpoint:
        key = self._labels(path)
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            endpoint = self.endpoints[key] = Endpoint(key)
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
        for key in [key for key in self.endpoints if key[:2] not in served]:
            del self.endpoints[key]
        self.statistics.keep(served)

    @marked(Described({200: {kind: {"type": "string"} for kind in ("text/plain", OPEN_METRICS)}}))
    async def page(self, request: Request) -> Response:
        """What Prometheus reads: counts and times of requests, runs and the process.

        Written in a thread of its own: it takes milliseconds where there are many models.
        """
        accepted = request.headers.get("accept", "")
        text, kind = await asyncio.to_thread(self._written, accepted)
        return Response(text, media_type=kind)

    def _written(self, accepted: str) -> tuple[bytes, str]:
        from serving.http.exposition import written  # once: it imports prometheus_client

        return written(self, accepted)
