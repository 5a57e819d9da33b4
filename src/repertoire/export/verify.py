"""The exported file must be the PyTorch graph: names, axes, values, and the metrics they give."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array, Graph, Port
from repertoire.export.example import axes, example
from repertoire.runtime.onnx_run import run_session
from repertoire.runtime.session import open_session
from repertoire.training.torch_run import TorchRun

ONNX_TYPE = {"int64": "tensor(int64)", "float32": "tensor(float)", "uint8": "tensor(uint8)"}


class ParityError(RepertoireError):
    """An exported graph differs from PyTorch."""


# Differences are relative to the values themselves down to these. Below, what is left of numbers
# near 1 that cancel is rounding: the tolerances ask for about ten roundings of float32.
SMALL_METRIC, SMALL_VALUE = 1e-3, 1e-2
# Share of the pixels of an output that may be one grey level off: where a value lies on the border
# between two levels, a difference within tolerance rounds it to the other one.
PIXELS = 0.01


@dataclass(frozen=True)
class Parity:
    """How far a file is from its graph, and the axis sizes at which they were compared.

    ``largest_difference`` is relative, of any output of numbers; ``pixels_off`` the largest share
    of an output of images that is one grey level off.
    """

    largest_difference: float
    pixels_off: float
    shapes: list[dict[str, int]]


def shapes_to_try(names: list[str], largest_batch: int, largest_axis: int) -> list[dict[str, int]]:
    """Six settings of the dynamic axes: all 1, each kind 1 alone, and mixed sizes."""
    tops = {name: largest_batch if name == "batch" else largest_axis for name in names}
    settings = [
        dict.fromkeys(names, 1),
        {n: 1 if n == "batch" else top for n, top in tops.items()},
        {n: top if n == "batch" else 1 for n, top in tops.items()},
        {n: 2 + i for i, n in enumerate(names)},
        {n: max(1, top // 2 - i) for i, (n, top) in enumerate(tops.items())},
        tops,
    ]
    return settings


def verify_graph(
    graph: Graph, content: bytes, largest_batch: int, largest_axis: int, tolerance: float
) -> Parity:
    """Compare a file with its graph; raises ParityError with the place of the first difference."""
    opened = open_session(content, threads=1)
    _compare_ports(graph, "input", graph.inputs, opened.get_inputs())
    _compare_ports(graph, "output", graph.outputs, opened.get_outputs())
    run = TorchRun([graph])
    rng = np.random.default_rng(1)
    ports = tuple(_narrowed(port, graph) for port in graph.inputs)
    tried = shapes_to_try(axes(graph), largest_batch, largest_axis)
    pixels = {port.name: Pixels() for port in graph.outputs if port.dtype == "uint8"}
    worst = 0.0
    for sizes in tried:
        inputs = example(ports, sizes, rng)
        expected = run(graph.name, **inputs)
        found = run_session(opened, inputs)
        for name, value in expected.items():
            place = f"graph {graph.name}, output {name} at {sizes}"
            _compare_shapes(place, value, found[name])
            if name in pixels:
                pixels[name].compare(place, value, found[name])
            elif name in graph.ranked:
                _compare_ranks(place, value, found[name], expected[graph.ranked[name]], tolerance)
            else:
                worst = max(worst, _difference(place, value, found[name], tolerance))
    for name, each in pixels.items():
        each.check(f"graph {graph.name}, output {name}")
    return Parity(worst, max((each.share for each in pixels.values()), default=0.0), tried)


def _narrowed(port: Port, graph: Graph) -> Port:
    low, high = graph.drawn.get(port.name, (port.low, port.high))
    return replace(port, low=low, high=high)


def _compare_ports(graph: Graph, kind: str, ports: tuple[Port, ...], found: Any) -> None:
    wanted = [(p.name, list(p.shape), ONNX_TYPE[p.dtype]) for p in ports]
    exported = [(node.name, list(node.shape), node.type) for node in found]
    if wanted != exported:
        raise ParityError(
            f"graph {graph.name}: {kind}s {exported} are not the declared ports {wanted}"
        )


def _compare_shapes(place: str, value: Array, other: Array) -> None:
    if value.shape != other.shape:
        raise ParityError(f"{place}: onnxruntime gives shape {other.shape}, PyTorch {value.shape}")


def _compare_ranks(place: str, ids: Array, others: Array, scores: Array, tolerance: float) -> None:
    """Ids (batch, places) are equal but where a neighbour's score is, too.

    The last place may tie with what is not on the list. Scores themselves are compared elsewhere.
    """
    size = np.abs(scores.astype(np.float64))
    scale = np.maximum(size, max(SMALL_VALUE, min(1.0, size.max(initial=0.0))))
    even = np.abs(np.diff(scores.astype(np.float64), axis=-1)) <= tolerance * scale[..., 1:]
    last = np.ones((*even.shape[:-1], 1), bool)
    tied = np.concatenate((even, last), -1) | np.concatenate((~last, even), -1)
    if apart := int(((ids != others) & ~tied).sum()):
        raise ParityError(
            f"{place}: {apart} of {ids.size} ids differ from PyTorch's although their scores are "
            f"further apart than {tolerance:.0e} (params.yaml.export.value_tolerance)"
        )


def _difference(place: str, value: Array, other: Array, tolerance: float) -> float:
    """The largest difference of numbers, relative to each or to the largest of them up to 1.

    Whole numbers, such as ids, are equal or not.
    """
    gap = np.abs(value.astype(np.float64) - other.astype(np.float64))
    size = np.abs(value.astype(np.float64))
    scale = np.maximum(size, max(SMALL_VALUE, min(1.0, size.max(initial=0.0))))
    relative = float((gap / scale).max(initial=0.0))
    if value.dtype == np.int64 and relative:
        raise ParityError(f"{place}: whole numbers differ from PyTorch's, by {gap.max():.0f}")
    if not relative <= tolerance:
        raise ParityError(
            f"{place}: differs from PyTorch by {relative:.2e}, allowed {tolerance:.0e} "
            "(params.yaml.export.value_tolerance)"
        )
    return relative


@dataclass
class Pixels:
    """Pixels of one output over all shapes: how many, and how many are one grey level off."""

    count: int = 0
    off: int = 0

    @property
    def share(self) -> float:
        return self.off / max(1, self.count)

    def compare(self, place: str, value: Array, other: Array) -> None:
        """Add the pixels of one call; more than one level is refused."""
        gap = np.abs(value.astype(np.int64) - other)
        if gap.max(initial=0) > 1:
            raise ParityError(
                f"{place}: differs from PyTorch by {gap.max()} grey levels, allowed 1"
            )
        self.count, self.off = self.count + gap.size, self.off + int(gap.sum())

    def check(self, place: str) -> None:
        """Refuse more pixels off than rounding explains."""
        if self.share > PIXELS:
            raise ParityError(
                f"{place}: {100 * self.share:.1f} % of the pixels are one grey level off, "
                f"allowed {100 * PIXELS:g} %"
            )


def compare_metrics(
    expected: dict[str, float], found: dict[str, float], tolerance: float
) -> dict[str, float]:
    """Relative difference of each metric; raises ParityError beyond the tolerance.

    A metric below ``SMALL_METRIC`` in size is compared relative to that.
    """
    gaps = {}
    for name, value in expected.items():
        gaps[name] = abs(found[name] - value) / max(SMALL_METRIC, abs(value))
        if not gaps[name] <= tolerance:
            raise ParityError(
                f"metric {name}: onnxruntime gives {found[name]:.6g}, PyTorch {value:.6g}; "
                "allowed relative difference params.yaml.export.metric_tolerance"
            )
    return gaps
