"""Checks arrays against the ports of a graph, before onnxruntime sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.signature import DTYPES, Array, Arrays, Port, Signature


@dataclass(frozen=True)
class Limits:
    """batch: rows of one input; length: size of any other free axis; queue: requests waiting, and
    `queue_of_model` those to one model; pixels: of all images in one request together;
    run_bytes: memory of all runs.

    Rows that can be run apart are run an eighth of `run_bytes` at a time, by estimate. A request
    whose runs take 16 times `run_bytes` in all is refused, for its time grows with them.
    """

    batch: int = 256
    length: int = 4096
    queue: int = 1024
    queue_of_model: int = 512
    pixels: int = 2**27
    run_bytes: int = 2**30

    @cached_property
    def slice_bytes(self) -> int:
        return self.run_bytes // 8

    @cached_property
    def request_bytes(self) -> int:
        return self.run_bytes * 16

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
    """The arrays in port order, zeros for the states left out. Raises InvalidInput."""
    return prepare_sized(graph, arrays, limits)[0]


def prepare_sized(
    graph: Signature, arrays: Mapping[str, Array], limits: Limits
) -> tuple[Arrays, dict[str, int]]:
    """As ``prepare``, and the sizes of the free axes.

    A size of zero must not pass: an LSTM node given a batch of 0 aborts the whole process.
    """
    given = [port for port in graph.inputs if port.name in arrays]
    if len(given) < len(arrays):
        names = [port.name for port in graph.inputs]
        unknown = ", ".join(sorted(arrays.keys() - set(names)))
        raise InvalidInput(f"unknown input {unknown}; expected: {', '.join(names)}")
    sizes: dict[str, int] = {}
    checked = {port.name: _checked(port, arrays[port.name], sizes, limits) for port in given}
    if len(given) == len(graph.inputs):
        return checked, sizes
    states = set(graph.feedback.values())
    return {p.name: _given_or_zero(p, checked, sizes, states) for p in graph.inputs}, sizes


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


def _checked(port: Port, array: Array, sizes: dict[str, int], limits: Limits) -> Array:
    """The array, within the bounds of its port if it lay beyond them by a rounding."""
    if array.dtype != DTYPES[port.dtype]:
        raise InvalidInput(f"input {port.name} is {array.dtype}; send it as {port.dtype}")
    if array.ndim != len(port.shape):
        raise InvalidInput(f"input {port.name} has {array.ndim} axes; send {_described(port)}")
    for size, declared in zip(array.shape, port.shape, strict=True):
        _check_size(port, size, declared, sizes, limits)
    if port.low is not None and not (least := array.min()) >= port.low:
        if not least >= port.low - _slack(array, port.low):
            raise InvalidInput(f"input {port.name} holds {least}; the least is {port.low}")
        array = array.clip(port.low, None)
    if port.high is not None and not (most := array.max()) <= port.high:
        if not most <= port.high + _slack(array, port.high):
            raise InvalidInput(f"input {port.name} holds {most}; the most is {port.high}")
        array = array.clip(None, port.high)
    return array


def _slack(array: Array, bound: float) -> float:
    """What a few operations in float32 may be off by near the bound."""
    return 2**-20 * max(abs(bound), 1.0) if array.dtype.kind == "f" else 0.0


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
