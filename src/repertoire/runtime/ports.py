"""Checks arrays against the ports of a graph, before onnxruntime sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import DTYPES, Array, Arrays, Port, Signature


@dataclass(frozen=True)
class Limits:
    """batch: rows in one run; length: size of any other free axis; queue: requests waiting."""

    batch: int = 256
    length: int = 4096
    queue: int = 1024

    def of(self, symbol: str) -> int:
        return self.batch if symbol == "batch" else self.length


def from_numbers(name: str, values: object, dtype: str) -> Array:
    """The array of a number or of nested lists of them. Raises Malformed.

    A plain cast would turn 1.5 into the id 1, and 256 into the pixel 0.
    """
    wanted = DTYPES[dtype]
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name} is no list of numbers, flat or nested evenly") from error
    if array.dtype == wanted or array.size == 0:
        return array.astype(wanted, copy=False)
    if array.dtype.kind not in ("iu" if wanted.kind in "iu" else "iuf"):
        raise Malformed(f"{name} holds {array.dtype}; send {dtype}")
    if wanted.kind in "iu":
        bounds = np.iinfo(wanted)
        if array.min() < bounds.min or array.max() > bounds.max:
            raise Malformed(f"{name} holds values outside {bounds.min} to {bounds.max}")
    return array.astype(wanted)


def prepare(graph: Signature, arrays: Mapping[str, Array], limits: Limits) -> Arrays:
    """The arrays in port order, zeros for the states left out. Raises InvalidInput.

    A size of zero must not pass: an LSTM node given a batch of 0 aborts the whole process.
    """
    unknown = arrays.keys() - {port.name for port in graph.inputs}
    if unknown:
        expected = ", ".join(port.name for port in graph.inputs)
        raise InvalidInput(f"unknown input {', '.join(sorted(unknown))}; expected: {expected}")
    sizes: dict[str, int] = {}
    for port in graph.inputs:
        if port.name in arrays:
            _check(port, arrays[port.name], sizes, limits)
    states = set(graph.feedback.values())
    return {p.name: _given_or_zero(p, arrays, sizes, states) for p in graph.inputs}


def with_states(graph: Signature, inputs: Mapping[str, Array]) -> Arrays:
    """The inputs, unchecked, and zeros for the states that are left out. Raises InvalidInput."""
    sizes: dict[str, int] = {}
    for port in graph.inputs:
        if port.name in inputs:
            sized = zip(port.shape, inputs[port.name].shape, strict=False)
            sizes.update({name: size for name, size in sized if isinstance(name, str)})
    states = set(graph.feedback.values())
    return {p.name: _given_or_zero(p, inputs, sizes, states) for p in graph.inputs}


def _given_or_zero(
    port: Port, arrays: Mapping[str, Array], sizes: Mapping[str, int], states: set[str]
) -> Array:
    if port.name in arrays:
        return arrays[port.name]
    if port.name not in states:
        raise InvalidInput(f"input {port.name} is missing; send it as {_described(port)}")
    free = [size for size in port.shape if isinstance(size, str) and size not in sizes]
    if free:
        raise InvalidInput(f"input {port.name} is missing and nothing tells its size {free[0]}")
    shape = [sizes[size] if isinstance(size, str) else size for size in port.shape]
    return np.zeros(shape, DTYPES[port.dtype])


def _check(port: Port, array: Array, sizes: dict[str, int], limits: Limits) -> None:
    if array.dtype != DTYPES[port.dtype]:
        raise InvalidInput(f"input {port.name} is {array.dtype}; send it as {port.dtype}")
    if array.ndim != len(port.shape):
        raise InvalidInput(f"input {port.name} has {array.ndim} axes; send {_described(port)}")
    for size, declared in zip(array.shape, port.shape, strict=True):
        _check_size(port, size, declared, sizes, limits)
    if port.low is not None and not array.min() >= port.low:
        raise InvalidInput(f"input {port.name} holds {array.min()}; the least is {port.low}")
    if port.high is not None and not array.max() <= port.high:
        raise InvalidInput(f"input {port.name} holds {array.max()}; the most is {port.high}")


def _check_size(
    port: Port, size: int, declared: int | str, sizes: dict[str, int], limits: Limits
) -> None:
    if isinstance(declared, int):
        if size != declared:
            raise InvalidInput(f"input {port.name} has size {size}; send {_described(port)}")
    elif size == 0:
        raise InvalidInput(f"input {port.name} is empty along {declared}; send 1 or more")
    elif size > limits.of(declared):
        most = limits.of(declared)
        raise InvalidInput(f"input {port.name}: {declared} is {size}, at most {most}; split it")
    elif sizes.setdefault(declared, size) != size:
        known = sizes[declared]
        raise InvalidInput(f"input {port.name}: {declared} is {size} here and {known} elsewhere")


def _described(port: Port) -> str:
    return f"{port.dtype}[{', '.join(map(str, port.shape))}]"
