"""A ``Graph`` becomes the bytes of an ONNX file; the same graph gives the same bytes."""

import hashlib
import io
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch

from repertoire.contract import Graph
from repertoire.export.example import axes, example

OPSET = 18
PRODUCER = "repertoire"
ELEMENT = {
    "int64": onnx.TensorProto.INT64,
    "float32": onnx.TensorProto.FLOAT,
    "uint8": onnx.TensorProto.UINT8,
}


@dataclass(frozen=True)
class Identity:
    """Whose file it is: recipe, version of its weights, tasks, and names of the classes by number.

    Nothing here changes with the code or its release, so that a file's bytes do not either.
    """

    name: str
    version: str
    tasks: tuple[str, ...]
    labels: tuple[str, ...]


def export_graph(graph: Graph) -> bytes:
    """Export with every string axis dynamic.

    PyTorch's TorchScript exporter is used because the newer one unrolls plain RNNs and freezes
    the time axis of the second recurrent net of a process; see docs/decisions.md.
    """
    sizes = {axis: 2 + n for n, axis in enumerate(axes(graph))}
    arrays = example(graph.inputs, sizes, np.random.default_rng(0))
    ports = (*graph.inputs, *graph.outputs)
    buffer: Any = io.BytesIO()
    graph.module.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module,
            tuple(torch.from_numpy(np.asarray(arrays[p.name])) for p in graph.inputs),
            buffer,
            input_names=[p.name for p in graph.inputs],
            output_names=[p.name for p in graph.outputs],
            dynamic_axes={
                p.name: {i: s for i, s in enumerate(p.shape) if isinstance(s, str)} for p in ports
            },
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    _declare(model, graph)
    _name_anew(model, {p.name for p in ports})
    # The exporter's version stays out: a release of it that exports the same gives the same bytes.
    model.producer_name, model.producer_version = PRODUCER, ""
    model.graph.name = graph.name
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def identified(content: bytes, identity: Identity) -> bytes:
    """The file with its ``metadata_props``, which onnxruntime shows as ModelMetadata.

    name, graph, version, task (separated by commas), content_sha256 and, where there are classes,
    labels (a list in JSON).
    """
    model = onnx.load_from_string(content)
    graph = model.graph.name
    model.graph.name = f"{identity.name}_{graph}"
    labels = {"labels": json.dumps(identity.labels, ensure_ascii=False)} if identity.labels else {}
    onnx.helper.set_model_props(
        model,
        {
            "name": identity.name,
            "graph": graph,
            "version": identity.version,
            "task": ",".join(identity.tasks),
            **labels,
            "content_sha256": content_sha256(model),
        },
    )
    return model.SerializeToString(deterministic=True)


def content_sha256(model: onnx.ModelProto) -> str:
    """sha256 of the model serialised deterministically without its ``metadata_props``."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.metadata_props[:]
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()


def _declare(model: onnx.ModelProto, graph: Graph) -> None:
    """Inputs and outputs exactly as the ports say, axis names included."""
    for declared, ports in (
        (model.graph.input, graph.inputs),
        (model.graph.output, graph.outputs),
    ):
        del declared[:]
        declared.extend(
            onnx.helper.make_tensor_value_info(p.name, ELEMENT[p.dtype], p.shape) for p in ports
        )


def _name_anew(model: onnx.ModelProto, kept: set[str]) -> None:
    """Number inner names: the exporter's depend on what was exported before."""
    names: dict[str, str] = {name: name for name in kept}
    names[""] = ""

    def renamed(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}")

    graphs = list(_graphs(model.graph))
    for graph in graphs:
        for node in graph.node:
            node.name, node.doc_string = "", ""
            for fields in (node.input, node.output):
                fields[:] = [renamed(name) for name in fields]
    for graph in graphs:
        for named in (*graph.initializer, *graph.input, *graph.output):
            named.name = renamed(named.name)
        ordered = sorted(graph.initializer, key=lambda tensor: int(tensor.name[1:]))
        del graph.initializer[:], graph.value_info[:]
        graph.initializer.extend(ordered)
    for inner in graphs[1:]:
        for value in (*inner.input, *inner.output):
            for axis in value.type.tensor_type.shape.dim:
                if axis.dim_param:
                    axis.dim_param = renamed(f"axis {axis.dim_param}")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)
