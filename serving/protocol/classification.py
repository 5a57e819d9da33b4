"""The classification extension of the Open Inference Protocol: the largest values as texts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Port
from serving.protocol.tensors import Wanted, check_finite


def classified(model: Model, graph: Graph, outputs: Mapping[str, Wanted], arrays: Arrays) -> Arrays:
    """The arrays, with texts in place of those of which classes are wanted.

    Raises InvalidInput for an output with numbers that have no order.
    """
    ports = {port.name: port for port in graph.outputs}
    return {
        name: _best(array, outputs[name].classes, ports[name], _labels(model, graph, ports[name]))
        if name in outputs and outputs[name].classes
        else array
        for name, array in arrays.items()
    }


def _best(array: Array, count: int, port: Port, labels: list[str]) -> Array:
    """object[batch, count], or [count] without a batch: `value:index`, then `:label` if known.

    From the largest value down, the first of equal ones first.
    """
    check_finite(port.name, array)
    rows = array.reshape(1, -1)
    if port.batch_axis is not None:
        rows = np.moveaxis(array, port.batch_axis, 0).reshape(array.shape[port.batch_axis], -1)
    descending = rows.shape[1] - 1 - np.argsort(rows[:, ::-1], axis=1, kind="stable")[:, ::-1]
    order = descending[:, :count]
    named = [f":{label}" for label in labels] or [""] * rows.shape[1]
    shown = "d" if array.dtype.kind in "iu" else "f"
    texts = [
        [f"{row[index]:{shown}}:{index}{named[index]}" for index in best]
        for row, best in zip(rows, order, strict=True)
    ]
    found = np.array(texts, dtype=object).reshape(order.shape)
    return found if port.batch_axis is not None else found[0]


def _labels(model: Model, graph: Graph, port: Port) -> list[str]:
    """The names of the classes of an output, where the model's task says that it holds them."""
    classes = model.manifest.document.get("facts", {}).get("classes")
    named = graph.name == "classify" and isinstance(classes, list)
    return classes if named and port.shape[1:] == (len(classes),) else []
