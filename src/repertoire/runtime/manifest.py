"""The manifest of a model: its graphs, their ports and the encodings of its texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from repertoire.runtime.errors import BadModel, ModelNotFound
from repertoire.runtime.shapes import quoted
from repertoire.runtime.signature import DTYPES, Port

FORMAT = "repertoire/1"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Graph:
    """One ONNX file; `feedback` names, for each state output, the input that takes it next.

    The first time such an input takes zeros: the only `state` of the manifest that is known here.
    """

    name: str
    file: str
    sha256: str
    size: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    feedback: Mapping[str, str]

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        return tuple(port.name for port in self.outputs)

    @cached_property
    def batchable(self) -> bool:
        """Whether requests can be joined along the batch axis and taken apart again."""
        return all(port.batch_axis is not None for port in (*self.inputs, *self.outputs))


@dataclass(frozen=True)
class Manifest:
    """A parsed manifest.json; `document` is the whole of it, for what is only shown."""

    family: str
    version: str | None
    tasks: tuple[str, ...]
    graphs: Mapping[str, Graph]
    encodings: Mapping[str, Any]
    document: Mapping[str, Any]

    def graph(self, name: str) -> Graph:
        """Raises ModelNotFound."""
        if name not in self.graphs:
            known, called = ", ".join(self.graphs), quoted(name)
            raise ModelNotFound(f"there is no graph {called} in this model; its graphs are {known}")
        return self.graphs[name]


def parse(text: bytes) -> Manifest:
    """Raises BadModel with the reason when the text is no manifest of a format known here."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise BadModel(f"format {document['format']!r} is not {FORMAT!r}; export again")
        graphs = graphs_of(document["graphs"])
        return Manifest(
            family=document["family"],
            version=document.get("version"),
            tasks=tuple(document["tasks"]),
            graphs={graph.name: graph for graph in graphs},
            encodings=document.get("encodings", {}),
            document=document,
        )
    except KeyError as error:
        raise BadModel(f"manifest.json lacks the field {error}; export again") from error
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadModel(f"manifest.json cannot be read: {error}; export again") from error


def graphs_of(documents: Sequence[Mapping[str, Any]]) -> tuple[Graph, ...]:
    """The graphs of a list as the manifest holds it. Raises BadModel, KeyError, TypeError."""
    return tuple(_graph(each) for each in documents)


def _graph(document: Mapping[str, Any]) -> Graph:
    name, file = document["name"], PurePosixPath(document["file"])
    if file.is_absolute() or ".." in file.parts:
        raise BadModel(f"graph {name}: file {file} lies outside the model folder")
    if not _SHA256.fullmatch(document["sha256"]):
        raise BadModel(f"graph {name}: {document['sha256']!r} is no sha256 in hexadecimal")
    graph = Graph(
        name=name,
        file=str(file),
        sha256=document["sha256"],
        size=document["bytes"],
        inputs=tuple(_port(each) for each in document["inputs"]),
        outputs=tuple(_port(each) for each in document["outputs"]),
        feedback=document.get("feedback") or {},
    )
    _check_feedback(graph)
    state = document.get("state", "zeros")  # older manifests start so without saying it
    if graph.feedback and state != "zeros":
        raise BadModel(f"graph {name}: state {state!r} is not 'zeros'; export again")
    return graph


def _port(document: Mapping[str, Any]) -> Port:
    name, dtype = document["name"], document["dtype"]
    if dtype not in DTYPES:
        raise BadModel(f"port {name}: dtype {dtype!r} is none of {', '.join(DTYPES)}")
    return Port(name, dtype, tuple(document["shape"]), document.get("low"), document.get("high"))


def _check_feedback(graph: Graph) -> None:
    outputs, inputs = {p.name for p in graph.outputs}, {p.name for p in graph.inputs}
    for source, target in graph.feedback.items():
        if source not in outputs or target not in inputs:
            raise BadModel(f"graph {graph.name}: feedback {source} -> {target} names no such ports")
