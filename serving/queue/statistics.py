"""What each graph has done: requests, rows, runs and how long they took.

Field names are those of the statistics extension of the Open Inference Protocol; Prometheus reads
the same counts. A graph runs in one worker at a time, so its counts have one writer and no lock.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any, Protocol

from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model

Key = tuple[str, str, str]
"""Model, version, graph."""
PARTS = ("compute_input", "compute_infer", "compute_output")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Request(Protocol):
    """One that came at `came`, seconds on the clock of time.monotonic, with so many `rows`."""

    model: Model
    graph: Graph
    came: float

    @property
    def rows(self) -> int: ...


class Distribution:
    """Counts of values between `bounds`, and their `total`."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds, self._counts, self.total = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def up_to(self) -> list[int]:
        """How many values lie up to each of the bounds, and how many there are."""
        return list(accumulate(self._counts))


class Runs:
    """Runs of one graph; times in seconds.

    `seconds` and `sizes` (rows) are of each run, `waits` of each request. `batches` holds, for each
    number of rows, that of runs and their times by PARTS.
    """

    def __init__(self) -> None:
        self.last = self.runs = self.requests = self.rows = self.failed = 0
        self.served = self.wasted = 0.0  # from being taken up to the answer; until they failed
        self.parts = [0.0] * len(PARTS)
        self.batches: dict[int, list[float]] = {}
        self.seconds, self.sizes, self.waits = Distribution(), Distribution(_ROWS), Distribution()

    def add(self, requests: Sequence[Request], size: int, times: Sequence[float]) -> None:
        begun, number = times[0], len(requests)
        batch = self.batches.setdefault(size, [0] * (1 + len(PARTS)))
        batch[0] += 1
        for place in range(len(PARTS)):
            took = times[place + 1] - times[place]
            self.parts[place] += number * took
            batch[place + 1] += took
        for request in requests:
            self.rows += request.rows
            self.waits.add(begun - request.came)
        self.runs += 1
        self.requests += number
        self.served += number * (times[-1] - begun)
        self.seconds.add(times[2] - times[1])
        self.sizes.add(size)
        self.last = time.time_ns() // 10**6


class Statistics:
    """Counts since the start, of the versions that are served."""

    def __init__(self) -> None:
        self._runs: dict[Key, Runs] = {}
        self._lock = threading.Lock()  # for failures, which any thread may find

    def failed(self, model: Model, graph: Graph, seconds: float = 0.0) -> None:
        """A request that got no answer, so long after it came."""
        runs = self._of(model, graph)
        with self._lock:
            runs.failed += 1
            runs.wasted += seconds

    def ran(self, requests: Sequence[Request], times: Sequence[float]) -> None:
        """One run for all the requests; `times`: taken up, joined, computed, parted."""
        groups: dict[int, list[Request]] = {}
        size = 0
        for request in requests:  # equal graphs of several models share a run
            size += request.rows
            groups.setdefault(id(request.model), []).append(request)
        for group in groups.values():
            self._of(group[0].model, group[0].graph).add(group, size, times)

    def runs(self) -> list[tuple[Key, Runs]]:
        return list(self._runs.items())

    def keep(self, served: Collection[tuple[str, str]]) -> None:
        """Drops what was counted for other models and versions."""
        for key, _ in self.runs():
            if key[:2] not in served:
                del self._runs[key]

    def of(self, model: Model, graph: Graph) -> dict[str, Any]:
        """As the protocol has them, in nanoseconds, under the graph's name."""
        runs = self._runs.get((model.name, model.version, graph.name)) or Runs()
        waited, number = runs.waits.total, runs.requests
        return {
            "name": f"{model.name}.{graph.name}",
            "version": model.version,
            "last_inference": runs.last,
            "inference_count": runs.rows,
            "execution_count": runs.runs,
            "inference_stats": {
                "success": _shown(number, waited + runs.served),
                "fail": _shown(runs.failed, runs.wasted),
                "queue": _shown(number, waited),
                **{part: _shown(number, s) for part, s in zip(PARTS, runs.parts, strict=True)},
                "cache_hit": _shown(0, 0.0),
                "cache_miss": _shown(0, 0.0),
            },
            "batch_stats": [
                {"batch_size": size, **_batch(*counts)}
                for size, counts in sorted(runs.batches.copy().items())
            ],
        }

    def _of(self, model: Model, graph: Graph) -> Runs:
        key = (model.name, model.version, graph.name)
        return self._runs.get(key) or self._runs.setdefault(key, Runs())


def _batch(number: float, *parts: float) -> dict[str, dict[str, int]]:
    return {part: _shown(int(number), s) for part, s in zip(PARTS, parts, strict=True)}


def _shown(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
