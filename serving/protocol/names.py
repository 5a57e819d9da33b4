"""Names of the Open Inference Protocol: `<model>.<graph>`, or `<model>` for its only graph."""

from __future__ import annotations

from repertoire.runtime.errors import ModelNotFound
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.shapes import quoted
from serving.repository import Repository


def find_model(repository: Repository, asked: str, version: str | None) -> tuple[Model, str]:
    """The model and the name of the graph, empty for the model as a whole.

    Raises ModelNotFound.
    """
    name, graph = asked, ""
    if name not in repository.models and "." in name:
        name, _, graph = asked.rpartition(".")
    return versioned(repository.model(name), version), graph


def versioned(model: Model, version: str | None) -> Model:
    """The model, if it is of that version or of any. Raises ModelNotFound."""
    if version is not None and version != model.version:
        name, served = model.name, model.version
        raise ModelNotFound(f"version {quoted(version)} of {name} is not served; {served!r} is")
    return model


def find_graph(repository: Repository, asked: str, version: str | None) -> tuple[Model, Graph]:
    """Raises ModelNotFound, with the names to choose from."""
    model, name = find_model(repository, asked, version)
    graphs = model.manifest.graphs
    if not name and len(graphs) > 1:
        choices = ", ".join(names_of(model))
        raise ModelNotFound(f"{model.name} has several graphs; ask for one of {choices}")
    return model, model.manifest.graph(name or next(iter(graphs)))


def names_of(model: Model) -> list[str]:
    return [f"{model.name}.{graph}" for graph in model.manifest.graphs]
