"""export, of evaluate@<recipe>: weights -> artifacts/<recipe>/onnx/, compared with PyTorch."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pipelines.artifact import ARTIFACTS
from pipelines.params import export_params, family_config, recipe_params
from pipelines.stage import run_stage
from repertoire.contract import Graph, load_family
from repertoire.data.dataset import Dataset
from repertoire.data.files import digest_file, whole_folder, write_json
from repertoire.data.tensors import undamaged
from repertoire.export.onnx_file import Identity, export_graph, identified
from repertoire.export.verify import Parity, compare_metrics, verify_graph
from repertoire.metrics.uncertainty import values
from repertoire.runtime.onnx_run import OnnxRun
from repertoire.training.torch_run import TorchRun

VERSION_DIGITS = 12  # of the weights' sha256: a version changes exactly when they do


def export(name: str) -> None:
    """Write one file a graph, and graphs.json with ports, digests and measured parity."""
    recipe, limits = recipe_params(name), export_params()
    family = load_family(recipe.family)
    config = family_config(recipe, name, family.Config)
    data = Dataset(Path("data") / recipe.dataset, limit=limits.slice_rows)
    network = family.build(config, data.facts)
    weights = ARTIFACTS / name / "trained/weights.safetensors"
    with undamaged(weights):
        network.load_state_dict(load_file(weights))
    version = digest_file(weights)[:VERSION_DIGITS]
    identity = Identity(name, version, family.tasks, tuple(data.labels))
    graphs = family.graphs(network.eval(), data.facts)
    with whole_folder(ARTIFACTS / name / "onnx") as folder:
        records: list[dict[str, Any]] = []
        for graph in graphs:
            content = identified(export_graph(graph), identity)
            parity = verify_graph(
                graph, content, limits.largest_batch, limits.largest_axis, limits.value_tolerance
            )
            (folder / f"{graph.name}.onnx").write_bytes(content)
            records.append(record(graph, content, parity))
        by_files = OnnxRun.of_files(folder, graphs, limits.threads)
        by_torch = values(family.evaluate(TorchRun(graphs), config, data, "valid"))
        by_onnx = values(family.evaluate(by_files, config, data, "valid"))
        gaps = compare_metrics(by_torch, by_onnx, limits.metric_tolerance)
        write_json(folder / "graphs.json", {"graphs": records, "metric_differences": gaps})
    worst = max(record["parity"]["largest_difference"] for record in records)
    print(f"{name}: {len(records)} graphs, largest difference from PyTorch {worst:.1e}")


def record(graph: Graph, content: bytes, parity: Parity) -> dict[str, Any]:
    """What the manifest says of a graph; a state is what ``feedback`` carries."""
    return {
        "name": graph.name,
        "file": f"onnx/{graph.name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs": [asdict(port) for port in graph.inputs],
        "outputs": [asdict(port) for port in graph.outputs],
        "feedback": dict(graph.feedback),
        "state": "zeros" if graph.feedback else None,
        "parity": asdict(parity),
    }


if __name__ == "__main__":
    run_stage("export", export)
