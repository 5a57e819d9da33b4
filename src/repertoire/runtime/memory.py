"""About how much memory a run takes, from the sizes of a request and the weights of the graph.

The arrays between the nodes of a graph decide it, and no port names them. But they have the free
sizes of a port, and most are no wider than the widest weight that something is multiplied by. A few
such arrays live at once: measured, 2.7 in the softmax of a language model (106 kB a position of
10,000 words). Most estimates are too large, up to ten times; a few are too small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from repertoire.runtime.errors import BadModel
from repertoire.runtime.onnx_file import Bytes, fields, numbers, opened
from repertoire.runtime.signature import DTYPES, Port, Signature

_ALIVE = 4  # arrays of float32 at once
_CHANNELS = 4  # the last size of an image, if it is no more
_CELLS = ("GRU", "LSTM", "RNN")
_LOOKED_UP = ("Gather", "GatherElements", "Shape")  # tables of which a run touches a few rows


@dataclass(frozen=True)
class Widths:
    """wide: the largest size of a matrix; channels: of the kernels of convolutions; 1 if none."""

    wide: int = 1
    channels: int = 1


class Cost:
    """Estimates the bytes of a run of a graph from the sizes of its free axes.

    `open_ended`: an output has a size that no input has.
    """

    def __init__(self, graph: Signature, widths: Widths) -> None:
        given = {size for port in graph.inputs for size in port.shape}
        inputs = [_free(port) for port in graph.inputs]
        inside: dict[tuple[str, ...], int] = {}
        for port in (*graph.inputs, *graph.outputs):
            axes = _free(port)
            # Where axes of several inputs meet, as in attention, arrays are narrower.
            meet = not any(set(axes) <= set(other) for other in inputs)
            width = _width(port, widths, 4 if meet and given.issuperset(axes) else 1)
            inside[axes] = max(inside.get(axes, 0), 4 * _ALIVE * width)
        self._inside = list(inside.items())
        self._outputs = [(port.shape, int(DTYPES[port.dtype].itemsize)) for port in graph.outputs]
        self.open_ended = any(size not in given for axes in inside for size in axes)

    def bytes(self, sizes: Mapping[str, int], unknown: int) -> int:
        """`unknown` stands for a size that `sizes` lacks."""
        inside = max(_product(axes, factor, sizes, unknown) for axes, factor in self._inside)
        outputs = (_product(shape, factor, sizes, unknown) for shape, factor in self._outputs)
        return inside + sum(outputs)


def _free(port: Port) -> tuple[str, ...]:
    return tuple(size for size in port.shape if isinstance(size, str))


def _width(port: Port, widths: Widths, narrower: int) -> int:
    fixed = [size for size in port.shape if isinstance(size, int)]
    places = fixed[:-1] if fixed and fixed[-1] <= _CHANNELS else fixed
    area = math.prod(places) if len(places) > 1 else 1
    return max(widths.wide // narrower, math.prod(fixed), widths.channels * area)


def _product(axes: Iterable[int | str], factor: int, sizes: Mapping[str, int], unknown: int) -> int:
    for axis in axes:
        factor *= sizes.get(axis, unknown) if isinstance(axis, str) else axis
    return factor


def read_widths(path: Path) -> Widths:
    """The widths of a file that was verified before. Raises BadModel when it is gone or altered."""
    try:
        with opened(path) as (_, content):
            return widths_of(content)
    except (IndexError, ValueError) as error:
        raise BadModel(f"{path.name} changed since it was verified; export again") from error


def widths_of(model: Bytes) -> Widths:
    weights = _Weights()
    for number, value in fields(model):
        if number == 7 and not isinstance(value, int):
            weights.read_graph(value)
    return weights.widths()


class _Weights:
    """The shapes of the weights of a graph and of those inside it, and what takes them."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, list[int]] = {}
        self._uses: list[tuple[str, list[bytes]]] = []

    def read_graph(self, graph: Bytes) -> None:
        for number, value in fields(graph):
            if number == 1 and not isinstance(value, int):
                self._read_node(value)
            elif number == 5 and not isinstance(value, int):
                self._read_tensor(value)

    def widths(self) -> Widths:
        wide, channels = 1, 1
        convolves = any(operator.startswith("Conv") for operator, _ in self._uses)
        for operator, inputs in self._uses:
            if operator in _LOOKED_UP:
                continue
            for shape in (self._shapes.get(name, ()) for name in inputs):
                if convolves and len(shape) > 2 and operator not in _CELLS:
                    channels = max(channels, *shape[:2])
                elif len(shape) > 1:
                    wide = max(wide, *shape)
        return Widths(wide, channels)

    def _read_node(self, node: Bytes) -> None:
        operator, inputs, outputs, attributes = "", list[bytes](), list[bytes](), []
        for number, value in fields(node):
            if isinstance(value, int):
                continue
            if number == 1:
                inputs.append(bytes(value))
            elif number == 2:
                outputs.append(bytes(value))
            elif number == 4:
                operator = bytes(value).decode(errors="replace")
            elif number == 5:
                attributes.append(value)
        self._uses.append((operator, inputs))
        for attribute in attributes:
            self._read_attribute(attribute, outputs)

    def _read_attribute(self, attribute: Bytes, outputs: list[bytes]) -> None:
        for number, value in fields(attribute):
            if isinstance(value, int):
                continue
            if number == 5 and outputs:  # the value of a constant
                self._read_tensor(value, outputs[0])
            elif number in (6, 11):
                self.read_graph(value)

    def _read_tensor(self, tensor: Bytes, name: bytes = b"") -> None:
        shape: list[int] = []
        for number, value in fields(tensor):
            if number == 1:
                shape += [value] if isinstance(value, int) else numbers(value)
            elif number == 8 and not isinstance(value, int):
                name = name or bytes(value)
        self._shapes[name] = shape
