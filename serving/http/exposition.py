"""The counts of a server as Prometheus reads them.

Imported when it first asks: prometheus_client is none of what an answer needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from serving.http.metrics import Metrics
from serving.queue.statistics import Distribution, Key


def written(metrics: Metrics, accepted: str) -> tuple[bytes, str]:
    """The page in the format that the header Accept names, and its media type."""
    registry = CollectorRegistry()
    registry.register(_Counts(metrics))
    ProcessCollector(registry=registry)
    encode, kind = choose_encoder(accepted)
    return encode(registry), kind


class _Counts(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> list[Metric]:
        return []  # or registering would count once more to learn the names

    def collect(self) -> Iterator[Metric]:
        metrics, named = self._metrics, ("model", "version", "endpoint")
        endpoints = list(metrics.endpoints.values())
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
        runs = [(key, each) for key, each in metrics.statistics.runs() if each.runs]
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
        for name, (told, value) in metrics.gauges.items():
            yield GaugeMetricFamily(f"repertoire_{name}", told, value())


def _histogram(
    name: str, told: str, labels: Sequence[str], found: Sequence[tuple[Key, Distribution]]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"repertoire_{name}", told, labels=labels)
    for key, values in found:
        bounds = [*map(floatToGoString, values.bounds), "+Inf"]
        counts = map(float, values.up_to())
        family.add_metric(key, list(zip(bounds, counts, strict=True)), values.total)
    return family
