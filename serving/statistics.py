"""What each graph has done: requests, rows, runs and how long they took, in nanoseconds.

Field names are those of the statistics extension of the Open Inference Protocol.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model

Key = tuple[str, str, str]
"""Model, version, graph."""
PARTS = ("compute_input", "compute_infer", "compute_output")


class Request(Protocol):
    """One that came at `came`, seconds on the clock of time.monotonic, with so many `rows`."""

    model: Model
    graph: Graph
    came: float

    @property
    def rows(self) -> int: ...


@dataclass
class Sum:
    count: int = 0
    ns: int = 0

    def add(self, seconds: float, count: int = 1) -> None:
        self.count += count
        self.ns += round(seconds * 1e9)


@dataclass
class _Counts:
    last: int = 0
    rows: int = 0
    runs: int = 0
    sums: defaultdict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    batches: defaultdict[int, defaultdict[str, Sum]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Sum))
    )


class Statistics:
    """Counts since the start. Thread-safe."""

    def __init__(self) -> None:
        self._counts: defaultdict[Key, _Counts] = defaultdict(_Counts)
        self._lock = threading.Lock()

    def failed(self, model: Model, graph: Graph, seconds: float = 0.0) -> None:
        """A request that got no answer, so long after it came."""
        with self._lock:
            self._counts[model.name, model.version, graph.name].sums["fail"].add(seconds)

    def ran(self, requests: Sequence[Request], times: Sequence[float]) -> None:
        """One run for all the requests; `times`: taken up, joined, computed, parted."""
        begun, end = times[0], times[-1]
        took = {part: times[n + 1] - times[n] for n, part in enumerate(PARTS)}
        size = sum(request.rows for request in requests)
        groups: defaultdict[Key, list[Request]] = defaultdict(list)
        for request in requests:  # equal graphs of several models share a run
            key = (request.model.name, request.model.version, request.graph.name)
            groups[key].append(request)
        now = time.time_ns() // 10**6
        with self._lock:
            for key, group in groups.items():
                counts, number = self._counts[key], len(group)
                came = sum(request.came for request in group)
                counts.last = now
                counts.rows += sum(request.rows for request in group)
                counts.runs += 1
                counts.sums["success"].add(number * end - came, number)
                counts.sums["queue"].add(number * begun - came, number)
                for part, seconds in took.items():
                    counts.sums[part].add(number * seconds, number)
                    counts.batches[size][part].add(seconds)

    def of(self, model: Model, graph: Graph) -> dict[str, Any]:
        """As the protocol has them, under the graph's name."""
        with self._lock:
            counts = self._counts.get((model.name, model.version, graph.name)) or _Counts()
            names = ("success", "fail", "queue", *PARTS, "cache_hit", "cache_miss")
            return {
                "name": f"{model.name}.{graph.name}",
                "version": model.version,
                "last_inference": counts.last,
                "inference_count": counts.rows,
                "execution_count": counts.runs,
                "inference_stats": {name: _shown(counts.sums.get(name)) for name in names},
                "batch_stats": [
                    {"batch_size": size, **{part: _shown(sums[part]) for part in PARTS}}
                    for size, sums in sorted(counts.batches.items())
                ],
            }


def _shown(total: Sum | None) -> dict[str, int]:
    return {"count": total.count, "ns": total.ns} if total else {"count": 0, "ns": 0}
