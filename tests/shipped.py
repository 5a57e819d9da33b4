"""Untrained models of recipes as they are registered: their graphs, and examples of requests."""

import json

import mlflow
import torch

from pipelines.examples import examples
from pipelines.export import record
from pipelines.registry.content import Content
from pipelines.registry.model import write_model
from repertoire.data.files import write_json
from repertoire.export.onnx_file import export_graph
from repertoire.export.verify import Parity
from repertoire.runtime import load
from repertoire.runtime.task import Known
from tests.families import small


def figures(data):
    """What examples read of the figures that `evaluate` draws."""
    if "text" in data.encodings and "judged" in data.facts:
        words = list(data.encodings["text"]["tokenizer"]["model"]["vocab"])
        drawn = {"name": "neighbours", "columns": ["word"], "cells": [[w] for w in words[2:5]]}
        return [drawn, {"name": "agreement"}]
    if data.encodings.get("rows", {}).get("kind") == "rows":
        [columns] = data.encodings["rows"]["tables"].values()
        cells = [[n / 7 for n in range(len(columns))]]
        return [{"name": "example-row", "columns": columns, "cells": cells}]
    return []


def shipped(name, project, folder):
    """The folder of an untrained model of the recipe, and what there is to register of it."""
    family, config, data, recipe = small(name, project.folder)
    torch.manual_seed(recipe.seed)
    graphs = family.graphs(family.build(config, data.facts).eval(), data.facts)
    (folder / "onnx").mkdir(parents=True)
    records = []
    for graph in graphs:
        content = export_graph(graph)
        (folder / f"onnx/{graph.name}.onnx").write_bytes(content)
        records.append(record(graph, content, Parity(0.0, 0.0, [])))
    known = Known(data.facts, recipe.config, figures(data))
    manifest = {
        "format": "repertoire/1",
        "family": family.name,
        "tasks": list(family.tasks),
        "examples": examples(family.tasks, known, records[0], data),
        "graphs": records,
        "encodings": data.encodings,
        "facts": data.facts,
    }
    write_json(folder / "manifest.json", manifest)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Content(name, folder, recipe, manifest, {"gate": {}}, "0" * 64)


def registered(name, project, folder):
    """The model of a recipe as MLflow loads it, and as a program of one's own does."""
    content = shipped(name, project, folder / "a")
    write_model(folder / "model", content)
    return mlflow.pyfunc.load_model(str(folder / "model")), load(folder / "model")
