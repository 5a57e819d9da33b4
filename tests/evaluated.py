"""Recipes as ``evaluate`` leaves them, made by hand: nothing is trained."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from ruamel.yaml import YAML
from safetensors.numpy import save_file

from repertoire.data.files import digest_file, write_json

NAMES = ("first", "second")
BASELINE, ERROR = 50.0, 2.0
STEPS, EPOCHS = 3, 2
SIDE = 3
PICTURE = [[0, 1, 2], [1, 2, 3], [2, 3, 1]]


def checkout(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    """A folder with params.yaml and every recipe evaluated, its metric at 71 percent."""
    folder.mkdir(parents=True, exist_ok=True)
    params = {
        "sources": SOURCES,
        "gate": {},
        "training": {},
        "families": {},
        "datasets": {
            "toys": {"reader": "none", "sources": {"toys": "toys"}, "config": {}, "baseline": {}}
        },
        "recipes": {name: _recipe(name) for name in names},
    }
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(params, file)
    for name in names:
        evaluate(folder, name, 71.0)
    return folder


SOURCES = {
    "toys": {"origin": "https://example.org/t", "file": "t", "sha256": "9" * 64, "licence": "none"}
}


def _recipe(name: str) -> dict:
    return {
        "title": f"Ein Modell für {name}: 모형",
        "family": "autoencoder",
        "dataset": "toys",
        "seed": 7,
        "training": {"epochs": EPOCHS, "threads": 1, "checkpoint_seconds": 9.0, "record_steps": 5},
        "gate": {
            "metric": "probe_accuracy_percent",
            "better": "higher",
            "baseline": "luck",
            "standard_errors": 1.0,
            "champion": "passed",
        },
        "config": {"units": 11},
    }


def evaluate(folder: Path, name: str, value: float, data: str = "data of 2026") -> None:
    """Replace the artifacts of a recipe by others, whose metric has this value in percent."""
    target = folder / "artifacts" / name
    for part in ("onnx", "evaluation", "trained"):
        (target / part).mkdir(parents=True, exist_ok=True)
    graphs = [_graph(target, "reconstruct", value), _graph(target, "triple", value + 1)]
    save_file({"w": np.full((3, 5), value, np.float32)}, target / "trained/weights.safetensors")
    digests = {
        key: hashlib.sha256(f"{key} {data}".encode()).hexdigest() for key in ("data", "code")
    }
    digests |= {"params": "0" * 64}
    history = {
        "digests": digests,
        "steps": [{"step": 5 * n, "loss_nats": 1 / n} for n in range(1, STEPS + 1)],
        "epochs": [
            {"epoch": n, "steps_done": 7 * n, "probe_accuracy_percent": 10.0 * n}
            for n in range(1, EPOCHS + 1)
        ],
    }
    gate = {
        "metric": "probe_accuracy_percent",
        "better": "higher",
        "value": value,
        "standard_error": ERROR,
        "baseline": "luck",
        "baseline_value": BASELINE,
        "passed": value > BASELINE + ERROR,
    }
    results = {
        "test": {"probe_accuracy_percent": value},
        "standard_errors": {"probe_accuracy_percent": ERROR},
        "gate": gate,
    }
    write_json(target / "trained/history.json", history)
    write_json(target / "evaluation/results.json", results)
    write_json(target / "evaluation/figures.json", FIGURES)
    (target / "evaluation/while-training.png").write_bytes(_png())
    weights = digest_file(target / "trained/weights.safetensors")
    write_json(
        target / "manifest.json",
        {
            "format": "repertoire/1",
            "name": name,
            "title": _recipe(name)["title"],
            "family": "autoencoder",
            "dataset": "toys",
            "tasks": ["reconstruct"],
            "examples": {"reconstruct": {"images": [PICTURE]}},
            "graphs": graphs,
            "encodings": {"images": {"kind": "image", "shape": [SIDE, SIDE]}},
            "facts": {
                "origin": "https://example.org/t",
                "licence": "none",
                "kind": "images",
                "side": SIDE,
                "channels": 1,
                "images": {"train": 31, "valid": 7, "test": 5},
            },
            "metrics": {"test_probe_accuracy_percent": value},
            "standard_errors": {"test_probe_accuracy_percent": ERROR},
            "verdict": {
                "metric": "probe_accuracy_percent",
                "baseline": "luck",
                "baseline_value": BASELINE,
                "margin": value - BASELINE,
                "error": ERROR,
                "test": "paired bootstrap",
                "verdict": "better" if value - BASELINE >= 2 * ERROR else "within noise",
                "sentence": f"Beside luck: hits {value} %.",
            },
            "baselines": {"luck": BASELINE},
            "parity": {"probe_accuracy_percent": 0.0},
            "digests": {**digests, "weights": weights},
        },
    )


def _png() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (13, 11), 200).save(buffer, "png")
    return buffer.getvalue()


def _line(label: str) -> dict:
    return {"label": label, "x": [1, 2], "y": [3, 5], "low": [], "high": [], "points": False}


FIGURES = [
    {"name": "while-training", "kind": "images", "caption": "…", "file": "while-training.png"},
    {
        "name": "course",
        "kind": "lines",
        "caption": "…",
        "columns": ["step", "hits"],
        "logarithmic": [],
        "lines": [{**_line("시간"), "texts": []}],
    },
    {
        "name": "weights",
        "kind": "heatmap",
        "caption": "…",
        "rows": ["a"],
        "columns": ["b", "c"],
        "values": [[0.3, 0.7]],
    },
]


def _graph(target: Path, name: str, factor: float) -> dict:
    """Gives back an image whose levels are multiplied by the factor, and the mean of its levels."""
    nodes = [
        helper.make_node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "factor"], ["products"]),
        helper.make_node("Cast", ["products"], ["reconstruction"], to=TensorProto.UINT8),
        helper.make_node("ReduceMean", ["levels"], ["error"], axes=[1, 2], keepdims=0),
    ]
    picture = {"dtype": "uint8", "shape": ["rows", SIDE, SIDE], "low": None, "high": None}
    number = {"dtype": "float32", "shape": ["rows"], "low": None, "high": None}
    inputs = [{"name": "images", **picture}]
    outputs = [{"name": "reconstruction", **picture}, {"name": "error", **number}]
    weight = helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])
    ports = [[_port(**each) for each in some] for some in (inputs, outputs)]
    graph = helper.make_graph(nodes, name, *ports, [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, target / f"onnx/{name}.onnx")
    content = (target / f"onnx/{name}.onnx").read_bytes()
    return {
        "name": name,
        "file": f"onnx/{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs": inputs,
        "outputs": outputs,
        "feedback": {},
        "parity": {"largest_difference": 0.0, "pixels_off": 0.0, "shapes": [{"rows": 1}]},
    }


def _port(name: str, dtype: str, shape: list, **bounds: None) -> onnx.ValueInfoProto:
    kind = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}[dtype]
    return helper.make_tensor_value_info(name, kind, shape)


def times(folder: Path, name: str, started: float) -> None:
    """Note a training of this checkout that began then and recorded something every second."""
    manifest = json.loads((folder / "artifacts" / name / "manifest.json").read_text("utf-8"))
    record = {
        "weights": manifest["digests"]["weights"],
        "started": started,
        "steps": [started + n for n in range(1, STEPS + 1)],
        "epochs": [started + 10 * n for n in range(1, EPOCHS + 1)],
    }
    write_json(folder / ".timings/trainings" / f"{name}.json", record)
