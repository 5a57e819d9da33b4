"""Inputs made from ports alone; imports no torch."""

import numpy as np

from repertoire.contract import Array, Arrays, Graph, Port


def axes(graph: Graph) -> list[str]:
    """The dynamic axes of the inputs, in order of appearance."""
    names = [s for port in graph.inputs for s in port.shape if isinstance(s, str)]
    return list(dict.fromkeys(names))


def example(ports: tuple[Port, ...], sizes: dict[str, int], rng: np.random.Generator) -> Arrays:
    """Random inputs of the given axis sizes within each port's range."""
    return {port.name: _example(port, sizes, rng) for port in ports}


def _example(port: Port, sizes: dict[str, int], rng: np.random.Generator) -> Array:
    shape = [sizes[s] if isinstance(s, str) else s for s in port.shape]
    if port.dtype != "float32":
        low, high = int(port.low or 0), int(1 if port.high is None else port.high)
        return np.asarray(rng.integers(low, high + 1, shape), dtype=port.dtype)
    if port.low is not None and port.high is not None:
        return rng.uniform(port.low, port.high, shape).astype(np.float32)
    return rng.standard_normal(shape).astype(np.float32)
