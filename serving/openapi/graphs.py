"""Graphs in OpenAPI: requests and answers of ``infer`` by the ports of one graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from repertoire.runtime.manifest import Graph
from repertoire.runtime.ports import Limits
from repertoire.runtime.signature import DTYPES, Port
from serving.openapi.described import BINARY, JSON, file_of
from serving.protocol.datatypes import datatype_of
from serving.protocol.types import JSON_DATATYPES, infer_request, input_tensor

HEADER = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "description": "bytes of the JSON, where tensors follow it in binary",
    "schema": {"type": "integer", "minimum": 0},
}


def of_graph(graph: Graph, limits: Limits) -> dict[str, Any]:
    """The operation, with the answer of 200 alone."""
    ports = ", ".join(f"{port.name} {datatype_of(port)}{list(port.shape)}" for port in graph.inputs)
    states = ", ".join(sorted(set(graph.feedback.values())))
    told = f"States that may be left out, which begin with zeros: {states}." if states else ""
    answers = {JSON: {"schema": _answer(graph)}, BINARY: {"schema": file_of(BINARY)}}
    return {
        "summary": f"Runs the graph {graph.name}: {ports}.",
        "description": told,
        "parameters": [HEADER],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": _request(graph, limits)},
                BINARY: {"schema": file_of(BINARY)},
            },
        },
        "responses": {"200": {"description": "the answer", "content": answers}},
    }


def _request(graph: Graph, limits: Limits) -> dict[str, Any]:
    needed = len(graph.inputs) - len(set(graph.feedback.values()))
    inputs = {
        "type": "array",
        "items": {"anyOf": [_input(port, limits) for port in graph.inputs]},
        "minItems": needed,
        "maxItems": len(graph.inputs),
    }
    return infer_request(inputs, {"enum": [port.name for port in graph.outputs]})


def _input(port: Port, limits: Limits) -> dict[str, Any]:
    """Its own datatype comes first; others are taken where they hold the same numbers."""
    own = datatype_of(port)
    others = [each for each in JSON_DATATYPES if each not in (own, "BOOL")]
    item = {**_numbers(port), "description": f"of {own}"}
    data = {"type": "array", "items": {"anyOf": [item, {"type": "array"}]}}
    single = {"anyOf": [data, item]}
    return input_tensor({"const": port.name}, [own, *others], _sizes(port, limits), single)


def _numbers(port: Port) -> dict[str, Any]:
    """What one number of a port may be."""
    dtype = DTYPES[port.dtype]
    if dtype.kind == "f":
        bounds = {"minimum": port.low, "maximum": port.high}
        kept = {name: bound for name, bound in bounds.items() if bound is not None}
        return {"type": "number", **kept}
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    low = least if port.low is None else max(least, int(port.low))
    high = most if port.high is None else min(most, int(port.high))
    return {"type": "integer", "minimum": low, "maximum": high}


def _sizes(port: Port, limits: Limits) -> dict[str, Any]:
    """The shape of an input."""
    free = {"type": "integer", "minimum": 1}
    sizes = [
        {"const": size}
        if isinstance(size, int)
        else {**free, "maximum": limits.of(size), "description": size}
        for size in port.shape
    ]
    count = {"minItems": len(sizes), "maxItems": len(sizes)}
    return {"type": "array", **({"prefixItems": sizes} if sizes else {}), **count}


def _answer(graph: Graph) -> dict[str, Any]:
    """Outputs have their own datatype, or are texts where classes are asked for."""
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "model_name": text,
            "model_version": text,
            "id": text,
            "outputs": {"type": "array", "items": {"anyOf": [_output(p) for p in graph.outputs]}},
        },
        "required": ["model_name", "model_version", "outputs"],
        "additionalProperties": False,
    }


def _output(port: Port) -> dict[str, Any]:
    """`data` is flat; it lies behind the JSON where binary is asked for."""
    sizes = f"[{', '.join(map(str, port.shape))}], or less of the last where classes are asked for"
    classes = {"type": "array", "items": {"type": "string"}}
    numbers = {"type": "array", "items": {**_numbers(port)}}
    return {
        "type": "object",
        "properties": {
            "name": {"const": port.name},
            "datatype": {"enum": [datatype_of(port), "BYTES"]},
            "shape": {"type": "array", "items": {"type": "integer"}, "description": sizes},
            "data": {"anyOf": [numbers, classes]},
            "parameters": {"type": "object"},
        },
        "required": ["name", "datatype", "shape"],
        "additionalProperties": False,
    }
