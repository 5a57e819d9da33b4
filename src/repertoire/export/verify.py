"""The exported file must be the PyTorch graph: names, axes, values, and the metrics they give."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Arrays, Graph, Port
from repertoire.engines.onnx_engine import run_session, session
from repertoire.engines.torch_engine import TorchRun
from repertoire.export.example import axes, example

ONNX_TYPE = {"int64": "tensor(int64)", "float32": "tensor(float)", "uint8": "tensor(uint8)"}


class ParityError(RepertoireError):
    """An exported graph differs from PyTorch."""


@dataclass(frozen=True)
class Parity:
    """The largest difference of any output, and the axis sizes at which graphs were compared."""

    largest_difference: float
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
    opened = session(content, threads=1)
    _compare_ports(graph, "input", graph.inputs, opened.get_inputs())
    _compare_ports(graph, "output", graph.outputs, opened.get_outputs())
    run = TorchRun([graph])
    rng = np.random.default_rng(1)
    ports = tuple(_narrowed(port, graph) for port in graph.inputs)
    tried = shapes_to_try(axes(graph), largest_batch, largest_axis)
    worst = 0.0
    for sizes in tried:
        inputs = example(ports, sizes, rng)
        expected = run(graph.name, **inputs)
        worst = max(worst, _compare(graph, sizes, expected, run_session(opened, inputs), tolerance))
    return Parity(worst, tried)


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


def _compare(
    graph: Graph, sizes: dict[str, int], expected: Arrays, found: Arrays, tolerance: float
) -> float:
    worst = 0.0
    for name, value in expected.items():
        other = found[name]
        if value.shape != other.shape:
            raise ParityError(
                f"graph {graph.name}, output {name} at {sizes}: onnxruntime gives shape "
                f"{other.shape}, PyTorch {value.shape}"
            )
        # One grey level of a rounded picture is the rounding of a difference within tolerance.
        allowed = 1.0 if value.dtype == np.uint8 else tolerance
        gap = np.abs(value.astype(np.float64) - other.astype(np.float64))
        scale = 1.0 if value.dtype == np.uint8 else np.maximum(1.0, np.abs(value))
        relative = float((gap / scale).max(initial=0.0))
        if not relative <= allowed:
            raise ParityError(
                f"graph {graph.name}, output {name} at {sizes}: differs from PyTorch by "
                f"{relative:.2e}, allowed {allowed:.0e} (params.yaml.export.value_tolerance)"
            )
        worst = max(worst, relative if value.dtype != np.uint8 else 0.0)
    return worst


def compare_metrics(
    expected: dict[str, float], found: dict[str, float], tolerance: float
) -> dict[str, float]:
    """Relative difference of each metric; raises ParityError beyond the tolerance."""
    gaps = {}
    for name, value in expected.items():
        gaps[name] = abs(found[name] - value) / max(1.0, abs(value))
        if not gaps[name] <= tolerance:
            raise ParityError(
                f"metric {name}: onnxruntime gives {found[name]:.6g}, PyTorch {value:.6g}; "
                "allowed relative difference params.yaml.export.metric_tolerance"
            )
    return gaps
