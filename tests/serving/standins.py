"""Small models built by hand, in the layout that is served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
TYPES = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}
PortTable = Sequence[tuple[Any, ...]]  # (name, dtype, shape) or (name, dtype, shape, low, high)


def graph_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: PortTable,
    outputs: PortTable,
    weights: Mapping[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    def values(ports: PortTable) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(p[0], TYPES[p[1]], list(p[2])) for p in ports]

    stored = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "graph", values(inputs), values(outputs), stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def graph_entry(
    folder: Path,
    name: str,
    model: onnx.ModelProto,
    inputs: PortTable,
    outputs: PortTable,
    feedback: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Writes the graph and returns its entry of the manifest."""
    content = model.SerializeToString()
    file = folder / "onnx" / f"{name}.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    keys = ("name", "dtype", "shape", "low", "high")
    return {
        "name": name,
        "file": f"onnx/{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inputs": [dict(zip(keys, (*port, None, None), strict=False)) for port in inputs],
        "outputs": [dict(zip(keys, (*port, None, None), strict=False)) for port in outputs],
        "feedback": dict(feedback or {}),
    }


def write_manifest(
    folder: Path,
    family: str,
    tasks: Sequence[str],
    graphs: Sequence[Mapping[str, Any]],
    encodings: Mapping[str, Any] | None = None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "format": "repertoire/1",
        "name": folder.name,
        "family": family,
        "tasks": list(tasks),
        "graphs": list(graphs),
        "encodings": dict(encodings or {}),
        "facts": {},
        "metrics": {"test_perplexity": 11.0},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def word_encoding(words: Sequence[str]) -> dict[str, Any]:
    """`<eos>` is 0, `<unk>` is 1, then the words."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    vocabulary = {token: number for number, token in enumerate(["<eos>", "<unk>", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return {
        "kind": "tokenizer",
        "tokenizer": json.loads(tokenizer.to_str()),
        "end": 0,
        "pad": 0,
        "unknown": 1,
    }


def doubling(folder: Path, factor: float = 2.0) -> None:
    """Graph `scale`: y = factor * x, with x float32[batch, width] from -1000 to 1000."""
    inputs = [("x", "float32", ("batch", "width"), -1000, 1000)]
    outputs = [("y", "float32", ("batch", "width"))]
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    model = graph_model(nodes, inputs, outputs, {"factor": np.array(factor, np.float32)})
    write_manifest(folder, "toy", [], [graph_entry(folder, "scale", model, inputs, outputs)])


def bigram(folder: Path, log_probs: np.ndarray, words: Sequence[str]) -> None:
    """A language model that knows only the last token: log_probs[last, next], in nats.

    Its state counts the tokens seen, so that a test can see it carried.
    """
    size = len(log_probs)
    state = ("count", "float32", (1, "batch", 1))
    after = ("next_count", "float32", (1, "batch", 1))
    tokens = ("tokens", "int64", ("batch", "time"), 0, size - 1)
    targets = ("targets", "int64", ("batch", "time"), 0, size - 1)
    scored = ("log_probs", "float32", ("batch", "time"))
    drawn = [
        ("log_probs", "float32", ("batch", size)),
        ("top_ids", "int64", ("batch", 3)),
        ("top_log_probs", "float32", ("batch", 3)),
    ]
    node = helper.make_node
    counting = [
        node("Shape", ["tokens"], ["shape"], start=1),
        node("Cast", ["shape"], ["length"], to=TensorProto.FLOAT),
        node("Add", ["count", "length"], ["next_count"]),
    ]
    table = {"table": log_probs.astype(np.float32)}
    score = [
        node("Gather", ["table", "tokens"], ["rows"]),
        node("Unsqueeze", ["targets", "two"], ["index"]),
        node("GatherElements", ["rows", "index"], ["found"], axis=2),
        node("Squeeze", ["found", "two"], ["log_probs"]),
    ]
    following = [
        node("Gather", ["tokens", "last"], ["latest"], axis=1),
        node("Gather", ["table", "latest"], ["log_probs"]),
        node("TopK", ["log_probs", "three"], ["top_log_probs", "top_ids"]),
    ]
    scores = graph_model(
        [*counting, *score],
        [tokens, targets, state],
        [scored, after],
        {**table, "two": np.array([2])},
    )
    nexts = graph_model(
        [*counting, *following],
        [tokens, state],
        [*drawn, after],
        {**table, "last": np.array(-1), "three": np.array([3])},
    )
    back = {"next_count": "count"}
    entries = [
        graph_entry(folder, "score", scores, [tokens, targets, state], [scored, after], back),
        graph_entry(folder, "next", nexts, [tokens, state], [*drawn, after], back),
        sampler(folder, size),
    ]
    encodings = {"text": word_encoding(words)}
    write_manifest(
        folder, "language_model", ["score", "generate", "complete", "rescore"], entries, encodings
    )


def sampler(folder: Path, size: int) -> dict[str, Any]:
    """Graph `sample`: the inverse of the cumulative distribution; temperature 0 is greedy.

    Knows top_k and top_p as inputs only: whoever tests them needs the exported graph.
    """
    inputs = [
        ("log_probs", "float32", ("batch", size)),
        ("temperature", "float32", ("batch",), 0, 100),
        ("top_k", "int64", ("batch",), 0, size),
        ("top_p", "float32", ("batch",), 0, 1),
        ("uniform", "float32", ("batch",), 0, 1),
    ]
    node = helper.make_node
    nodes = [
        node("ArgMax", ["log_probs"], ["greedy"], axis=1, keepdims=0),
        node("Max", ["temperature", "tiny"], ["heat"]),
        node("Unsqueeze", ["heat", "one"], ["heats"]),
        node("Div", ["log_probs", "heats"], ["scaled"]),
        node("Softmax", ["scaled"], ["probs"], axis=1),
        node("CumSum", ["probs", "one"], ["cumulative"]),
        node("Unsqueeze", ["uniform", "one"], ["uniforms"]),
        node("LessOrEqual", ["cumulative", "uniforms"], ["below"]),
        node("Cast", ["below"], ["passed"], to=TensorProto.INT64),
        node("ReduceSum", ["passed", "one"], ["count"], keepdims=0),
        node("Min", ["count", "most"], ["drawn"]),
        node("Equal", ["temperature", "zero"], ["cold"]),
        node("Where", ["cold", "greedy", "drawn"], ["token"]),
        # Kept alive, or the file would lack these inputs.
        node("Identity", ["top_k"], ["top_k_unused"]),
        node("Identity", ["top_p"], ["top_p_unused"]),
    ]
    weights = {
        "tiny": np.array(1e-6, np.float32),
        "zero": np.array(0, np.float32),
        "one": np.array([1]),
        "most": np.array(size - 1),
    }
    outputs = [("token", "int64", ("batch",))]
    return graph_entry(
        folder, "sample", graph_model(nodes, inputs, outputs, weights), inputs, outputs
    )


def lstm(folder: Path, *, words: int, width: int, layers: int = 2, seed: int = 0) -> None:
    """An LSTM language model with random weights, in the shape of the real ones."""
    random = np.random.default_rng(seed)
    size = words + 2
    ports: dict[str, tuple[Any, ...]] = {
        "tokens": ("tokens", "int64", ("batch", "time"), 0, size - 1),
        "hidden": ("hidden", "float32", (layers, "batch", width)),
        "cell": ("cell", "float32", (layers, "batch", width)),
        "log_probs": ("log_probs", "float32", ("batch", size)),
        "top_ids": ("top_ids", "int64", ("batch", 10)),
        "top_log_probs": ("top_log_probs", "float32", ("batch", 10)),
        "next_hidden": ("next_hidden", "float32", (layers, "batch", width)),
        "next_cell": ("next_cell", "float32", (layers, "batch", width)),
    }
    node = helper.make_node
    weights: dict[str, np.ndarray] = {
        "embedding": random.uniform(-1, 1, (size, width)).astype(np.float32),
        "head": random.uniform(-0.2, 0.2, (width, size)).astype(np.float32),
        "one": np.array([1]),
        "ten": np.array([10]),
        "last": np.array(-1),
    }
    nodes = [
        node("Transpose", ["tokens"], ["by_time"], perm=[1, 0]),
        node("Gather", ["embedding", "by_time"], ["in_0"]),
        node("Split", ["hidden"], [f"h_{n}" for n in range(layers)], axis=0, num_outputs=layers),
        node("Split", ["cell"], [f"c_{n}" for n in range(layers)], axis=0, num_outputs=layers),
    ]
    for n in range(layers):
        for kind in ("w", "r"):
            drawn = random.uniform(-0.1, 0.1, (1, 4 * width, width))
            weights[f"{kind}_{n}"] = drawn.astype(np.float32)
        inputs = [f"in_{n}", f"w_{n}", f"r_{n}", "", "", f"h_{n}", f"c_{n}"]
        outputs = [f"seq_{n}", f"nh_{n}", f"nc_{n}"]
        nodes.append(node("LSTM", inputs, outputs, hidden_size=width))
        nodes.append(node("Squeeze", [f"seq_{n}", "one"], [f"in_{n + 1}"]))
    nodes += [
        node("Concat", [f"nh_{n}" for n in range(layers)], ["next_hidden"], axis=0),
        node("Concat", [f"nc_{n}" for n in range(layers)], ["next_cell"], axis=0),
        node("Gather", [f"in_{layers}", "last"], ["latest"], axis=0),
        node("MatMul", ["latest", "head"], ["logits"]),
        node("LogSoftmax", ["logits"], ["log_probs"], axis=1),
        node("TopK", ["log_probs", "ten"], ["top_log_probs", "top_ids"]),
    ]
    ins = [ports[name] for name in ("tokens", "hidden", "cell")]
    outs = [ports[name] for name in list(ports)[3:]]
    back = {"next_hidden": "hidden", "next_cell": "cell"}
    entry = graph_entry(folder, "next", graph_model(nodes, ins, outs, weights), ins, outs, back)
    encodings = {"text": word_encoding([f"w{n}" for n in range(words)])}
    entries = [entry, sampler(folder, size)]
    write_manifest(folder, "language_model", ["generate"], entries, encodings)


def mirror(folder: Path) -> None:
    """Translates a sentence into itself, up to `max_length`.

    log_prob counts its words, negated, times the beam, plus the length penalty: a test sees both.
    """
    inputs = [
        ("source", "int64", ("batch", "source_time"), 0, 6),
        ("max_length", "int64", (), 1, 4096),
        ("beam", "int64", (), 1, 16),
        ("length_penalty", "float32", (), 0, 2),
    ]
    outputs = [("tokens", "int64", ("batch", "target_time")), ("log_prob", "float32", ("batch",))]
    node = helper.make_node
    nodes = [
        node("Reshape", ["max_length", "one"], ["stop"]),
        node("Slice", ["source", "zero", "stop", "one"], ["tokens"]),
        node("Greater", ["source", "threshold"], ["is_word"]),
        node("Cast", ["is_word"], ["words"], to=TensorProto.FLOAT),
        node("ReduceSum", ["words", "one"], ["count"], keepdims=0),
        node("Cast", ["beam"], ["lanes"], to=TensorProto.FLOAT),
        node("Mul", ["count", "lanes"], ["total"]),
        node("Sub", ["length_penalty", "total"], ["log_prob"]),
    ]
    weights = {"one": np.array([1]), "zero": np.array([0]), "threshold": np.array(2)}
    model = graph_model(nodes, inputs, outputs, weights)
    entry = graph_entry(folder, "translate", model, inputs, outputs)
    encoding = word_encoding(["</s>", "x", "y", "z"])  # 2 ends, 3 to 5 are the words
    encoding.update(end=2)
    encodings = {"source": encoding, "target": encoding}
    write_manifest(folder, "translation", ["translate"], [entry], encodings)


def negative(folder: Path) -> None:
    """`reconstruct` inverts images of 5 x 7; `decode` paints 28 x 28 by the first latent's sign."""
    images = [("images", "uint8", ("batch", 5, 7), 0, 255)]
    answers = [("reconstruction", "uint8", ("batch", 5, 7)), ("error", "float32", ("batch",))]
    node = helper.make_node
    inverting = [
        node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        node("Sub", ["white", "pixels"], ["inverse"]),
        node("Cast", ["inverse"], ["reconstruction"], to=TensorProto.UINT8),
        node("ReduceMean", ["pixels", "sides"], ["error"], keepdims=0),
    ]
    weights = {"white": np.array(255, np.float32), "sides": np.array([1, 2])}
    model = graph_model(inverting, images, answers, weights)
    latents = [("latents", "float32", ("batch", 3))]
    drawn = [("images", "uint8", ("batch", 28, 28))]
    painting = [
        node("Slice", ["latents", "zero", "one", "one"], ["first"]),
        node("Greater", ["first", "nought"], ["positive"]),
        node("Where", ["positive", "white", "nought"], ["shade"]),
        node("Unsqueeze", ["shade", "two"], ["pixel"]),
        node("Expand", ["pixel", "size"], ["painted"]),
        node("Cast", ["painted"], ["images"], to=TensorProto.UINT8),
    ]
    numbers = {"zero": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    shades = {"white": np.array(255, np.float32), "nought": np.array(0, np.float32)}
    size = {"size": np.array([1, 28, 28])}
    decoder = graph_model(painting, latents, drawn, {**numbers, **shades, **size})
    entries = [
        graph_entry(folder, "reconstruct", model, images, answers),
        graph_entry(folder, "decode", decoder, latents, drawn),
    ]
    write_manifest(folder, "autoencoder", ["reconstruct", "sample"], entries)


def carillon(folder: Path) -> None:
    """Bells 60 to 64: one rings if the bell below it rang last, or by a chance of temperature %.

    Its state counts the frames.
    """
    notes = 5
    inputs = [
        ("frames", "uint8", ("batch", "time", notes), 0, 1),
        ("temperature", "float32", ("batch",), 0, 100),
        ("uniform", "float32", ("batch", notes), 0, 1),
        ("count", "float32", (1, "batch", 1)),
    ]
    outputs = [
        ("frame", "uint8", ("batch", notes)),
        ("probabilities", "float32", ("batch", notes)),
        ("next_count", "float32", (1, "batch", 1)),
    ]
    node = helper.make_node
    nodes = [
        node("Shape", ["frames"], ["shape"], start=1, end=2),
        node("Cast", ["shape"], ["length"], to=TensorProto.FLOAT),
        node("Add", ["count", "length"], ["next_count"]),
        node("Cast", ["frames"], ["numbers"], to=TensorProto.FLOAT),
        node("Gather", ["numbers", "last"], ["latest"], axis=1),
        node("MatMul", ["latest", "upwards"], ["followed"]),
        node("Div", ["temperature", "hundred"], ["shares"]),
        node("Unsqueeze", ["shares", "one"], ["share"]),
        node("Max", ["followed", "share"], ["probabilities"]),
        node("Less", ["uniform", "probabilities"], ["sounds"]),
        node("Cast", ["sounds"], ["frame"], to=TensorProto.UINT8),
    ]
    weights = {
        "last": np.array(-1),
        "upwards": np.eye(notes, k=1, dtype=np.float32),
        "hundred": np.array(100, np.float32),
        "one": np.array([1]),
    }
    model = graph_model(nodes, inputs, outputs, weights)
    entry = graph_entry(folder, "next", model, inputs, outputs, {"next_count": "count"})
    scale = {"kind": "piano_roll", "lowest": 60, "notes": notes, "steps_a_quarter": 2}
    write_manifest(folder, "polyphony", ["compose"], [entry], {"roll": scale})


def continuing(
    folder: Path, offsets: Sequence[Sequence[float]], lookback: int, **more: object
) -> None:
    """`forecast`: the sum of the values given, plus an offset a step and level.

    `more` joins the encoding.
    """
    table = np.array([offsets], np.float32)
    series = [("series", "float32", ("batch", "time"), -100, 100)]
    quantiles = [("quantiles", "float32", ("batch", *table.shape[1:]))]
    node = helper.make_node
    nodes = [
        node("ReduceSum", ["series", "one"], ["sum"], keepdims=1),
        node("Unsqueeze", ["sum", "two"], ["base"]),
        node("Add", ["base", "offsets"], ["quantiles"]),
    ]
    weights = {"one": np.array([1]), "two": np.array([2]), "offsets": table}
    model = graph_model(nodes, series, quantiles, weights)
    encoding = {"kind": "series", "levels": [0.05, 0.5, 0.95], "lookback": lookback, **more}
    entry = graph_entry(folder, "forecast", model, series, quantiles)
    write_manifest(folder, "forecaster", ["forecast"], [entry], {"series": encoding})


def side_by_side(folder: Path, names: Sequence[str], lookback: int, **more: object) -> None:
    """`forecast`: one step, for each series the sum of its values less, plain and plus one."""
    wide = len(names)
    series = [("series", "float32", ("batch", "time", wide), -100, 100)]
    quantiles = [("quantiles", "float32", ("batch", 1, wide, 3))]
    node = helper.make_node
    nodes = [
        node("ReduceSum", ["series", "one"], ["sum"], keepdims=1),
        node("Unsqueeze", ["sum", "three"], ["base"]),
        node("Add", ["base", "offsets"], ["quantiles"]),
    ]
    weights = {
        "one": np.array([1]),
        "three": np.array([3]),
        "offsets": np.array([-1, 0, 1], np.float32),
    }
    model = graph_model(nodes, series, quantiles, weights)
    levels = {"levels": [0.05, 0.5, 0.95], "lookback": lookback, **more}
    encoding = {"kind": "panel", "series": list(names), **levels}
    entry = graph_entry(folder, "forecast", model, series, quantiles)
    write_manifest(folder, "forecaster", ["forecast"], [entry], {"series": encoding})


def tinted(folder: Path) -> None:
    """Codes of images of 2 x 3 are their six pixels less ten times the label, 0 to 2."""
    images, codes = ("batch", 2, 3), ("batch", 6)
    pictures, latents = ("images", "uint8", images, 0, 255), ("latents", "float32", codes)
    labels = ("labels", "int64", ("batch",), 0, 2)
    rebuilt = [("reconstruction", "uint8", images), ("error", "float32", ("batch",))]
    node = helper.make_node
    tint = [
        node("Cast", ["labels"], ["classes"], to=TensorProto.FLOAT),
        node("Mul", ["classes", "ten"], ["tints"]),
        node("Unsqueeze", ["tints", "one"], ["tint"]),
    ]
    flat = [
        node("Cast", ["images"], ["grey"], to=TensorProto.FLOAT),
        node("Reshape", ["grey", "line"], ["pixels"]),
    ]
    encoding = [*tint, *flat, node("Sub", ["pixels", "tint"], ["mean"])]
    decoding = [
        *tint,
        node("Add", ["latents", "tint"], ["pixels"]),
        node("Round", ["pixels"], ["whole"]),
        node("Reshape", ["whole", "square"], ["shaped"]),
        node("Cast", ["shaped"], ["images"], to=TensorProto.UINT8),
    ]
    keeping = [
        *flat,
        node("Identity", ["images"], ["reconstruction"]),
        node("Cast", ["labels"], ["error"], to=TensorProto.FLOAT),
    ]
    weights = {
        "ten": np.array(10, np.float32),
        "one": np.array([1]),
        "line": np.array([-1, 6]),
        "square": np.array([-1, 2, 3]),
    }
    entries = [
        graph_entry(folder, name, graph_model(nodes, inputs, outputs, weights), inputs, outputs)
        for name, nodes, inputs, outputs in (
            ("encode", encoding, [pictures, labels], [("mean", "float32", codes)]),
            ("decode", decoding, [latents, labels], [("images", "uint8", images)]),
            ("reconstruct", keeping, [pictures, labels], rebuilt),
        )
    ]
    tasks = ["reconstruct", "sample", "interpolate", "blend"]
    write_manifest(folder, "autoencoder", tasks, entries)
