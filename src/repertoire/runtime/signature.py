"""Graphs as those see them who run them: names, types and sizes of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Arrays: TypeAlias = dict[str, Array]
DType = Literal["int64", "float32", "uint8"]
DTYPES: Mapping[str, np.dtype[Any]] = {n: np.dtype(n) for n in ("int64", "float32", "uint8")}


@dataclass(frozen=True)
class Port:
    """One named input or output of a graph.

    A string in ``shape`` is a dynamic axis; the same string means the same size in one call.
    ``low`` and ``high`` bound what the graph accepts (inclusive); None means no bound.
    """

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    low: float | None = None
    high: float | None = None

    @cached_property
    def batch_axis(self) -> int | None:
        return self.shape.index("batch") if "batch" in self.shape else None


class Signature(Protocol):
    """``feedback`` maps a state output to the input that takes it in the next call.

    A state starts as zeros.
    """

    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> tuple[Port, ...]: ...

    @property
    def outputs(self) -> tuple[Port, ...]: ...

    @property
    def feedback(self) -> Mapping[str, str]: ...


class Run(Protocol):
    """The one way to use a model: PyTorch while training, onnxruntime afterwards."""

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        """Outputs by port name, those named or all; states that are left out are zeros."""
        ...

    def graph(self, name: str, /) -> Signature: ...


def next_states(run: Run, graph: str, outputs: Arrays) -> Arrays:
    """The inputs of the next call that its feedback takes from this one."""
    return {target: outputs[source] for source, target in run.graph(graph).feedback.items()}
