"""What a run is expected to take, in bytes and in seconds."""

from __future__ import annotations

from collections.abc import Mapping

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.manifest import Graph
from repertoire.runtime.memory import Cost, read_widths
from repertoire.runtime.model import Model
from repertoire.runtime.ports import Limits
from repertoire.runtime.signature import Arrays

_SECONDS_PER_BYTE = 1 / 2**30  # of a graph that never ran
_OVERHEAD = 2**20  # a run costs as much as one of that many bytes, however small it is
_MOST_KNOWN = 4096
_KEEP = 0.8  # of what was known before, in the moving average


class Estimates:
    """Memory by the ports and weights of a graph; time by what its runs took, in proportion."""

    def __init__(self) -> None:
        self._costs: dict[str, Cost] = {}
        self._known: dict[tuple[object, ...], int] = {}  # most requests have sizes seen before
        self._rates: dict[str, float] = {}

    def memory(
        self, model: Model, graph: Graph, arrays: Arrays, sizes: Mapping[str, int], limits: Limits
    ) -> int:
        """Bytes of a run. Raises InvalidInput for more than the limits allow."""
        cost = self._costs.get(graph.sha256)
        if cost is None:
            cost = Cost(graph, read_widths(model.folder / graph.file))
            self._costs[graph.sha256] = cost
        unknown = _longest_answer(graph, arrays, limits) if cost.open_ended else 1
        key = (graph.sha256, unknown, *sizes.values())
        memory = self._known.get(key)
        if memory is None:
            memory = cost.bytes(sizes, unknown)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = memory
        if memory > limits.request_bytes:
            most = f"about {gigabytes(memory)} of memory, at most {gigabytes(limits.request_bytes)}"
            raise InvalidInput(f"{product(sizes)} takes {most}; send fewer or shorter rows")
        return memory

    def seconds(self, graph: Graph, memory: int) -> float:
        return self._rates.get(graph.sha256, _SECONDS_PER_BYTE) * (memory + _OVERHEAD)

    def learn(self, graph: Graph, memory: int, seconds: float) -> None:
        rate = seconds / (memory + _OVERHEAD)
        known = self._rates.get(graph.sha256, rate)
        self._rates[graph.sha256] = _KEEP * known + (1 - _KEEP) * rate


def _longest_answer(graph: Graph, arrays: Arrays, limits: Limits) -> int:
    """The size of an axis that no input has: what a number alone says, such as a length."""
    numbers = [p for p in graph.inputs if not p.shape and p.dtype == "int64"]
    return max((int(arrays[p.name]) for p in numbers), default=limits.length)


def product(sizes: Mapping[str, int]) -> str:
    """Such as "60 x 4096 (batch x time)"."""
    return f"{' x '.join(map(str, sizes.values()))} ({' x '.join(sizes)})"


def gigabytes(number: int) -> str:
    return f"{number / 1e9:.2g} GB" if number < 1e11 else f"{number / 1e9:.0f} GB"
