"""The configuration of a graph, in the fields of Triton's ModelConfig."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repertoire.runtime.manifest import Graph
from repertoire.runtime.signature import Port
from serving.protocol import tensors
from serving.protocol.datatypes import datatype_of


def configuration(name: str, graph: Graph, rows: int) -> dict[str, Any]:
    """What holds of a graph wherever it is served, with at most so many rows in a batch.

    `dims` are sizes without the batch, -1 where a size is free. `max_batch_size` is 0, and `dims`
    are whole, where a port begins with another axis than the batch.
    """
    batched = batched_first(graph)
    return {
        "name": name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": rows if batched else 0,
        "input": _ports(graph.inputs, batched),
        "output": _ports(graph.outputs, batched),
        "default_model_filename": graph.file,
        "instance_group": [{"name": graph.name, "kind": "KIND_CPU", "count": 1}],
    }


def batched_first(graph: Graph) -> bool:
    """Whether each port begins with the batch, the only place where Triton has it."""
    return all(port.batch_axis == 0 for port in (*graph.inputs, *graph.outputs))


def _ports(ports: Sequence[Port], batched: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": port.name,
            "data_type": f"TYPE_{datatype_of(port)}",
            "dims": tensors.free_sizes(port)[int(batched) :],
        }
        for port in ports
    ]
