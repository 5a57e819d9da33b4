"""Files of rows through a model as anyone would do it with onnxruntime, to compare the batch job.

`python -m pipelines.speed.plain_batch TASK FOLDER INPUT OUTPUT`: the whole file in memory, one
tokenizer call for all texts, batches sorted by length, one thread, no check of anything. What it
writes is what the job writes. It knows three tasks of one model each and no others.
"""

import base64
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from pyarrow import csv as arrow_csv
from tokenizers import Tokenizer

from repertoire.contract import Array

BATCH = 64
Row = dict[str, Any]


def classify(folder: Path, rows: Sequence[Row]) -> Iterator[Row]:
    """Texts into label, probabilities and counts of tokens."""
    manifest = _manifest(folder)
    tokenizer, text = _tokenizer(manifest, "text"), manifest["encodings"]["text"]
    session, classes = _session(folder, "classify"), manifest["facts"]["classes"]
    ids = [each.ids for each in tokenizer.encode_batch_fast([row["text"] for row in rows])]
    closed = [[*each, text["end"]] for each in ids]
    probabilities = np.empty((len(rows), len(classes)), np.float32)
    for places, tokens in _by_length(closed, text["pad"]):
        probabilities[places] = np.exp(session.run(["log_probs"], {"tokens": tokens})[0])
    best = probabilities.argmax(1).tolist()
    for number, (own, likeliest, each) in enumerate(
        zip(ids, best, probabilities.tolist(), strict=True)
    ):
        yield {
            "row": number,
            "label": classes[likeliest],
            "probabilities": dict(zip(classes, each, strict=True)),
            "input_tokens": len(own),
            "unknown_tokens": own.count(text["unknown"]),
        }


def translate(folder: Path, rows: Sequence[Row]) -> Iterator[Row]:
    """Texts into texts of the other language, by the greedy decoder in the graph."""
    manifest = _manifest(folder)
    source, target = (manifest["encodings"][name] for name in ("source", "target"))
    reader, writer = _tokenizer(manifest, "source"), _tokenizer(manifest, "target")
    session = _session(folder, "translate")
    how = {
        "max_length": np.array(64, np.int64),
        "beam": np.array(1, np.int64),
        "length_penalty": np.array(0, np.float32),
    }
    ids = [each.ids for each in reader.encode_batch_fast([row["text"] for row in rows])]
    closed = [[*each, source["end"]] for each in ids]
    written: list[list[int]] = [[]] * len(rows)
    log_probs = [0.0] * len(rows)
    for places, tokens in _by_length(closed, source["pad"]):
        found, sums = session.run(["tokens", "log_prob"], {"source": tokens, **how})
        for place, answer, total in zip(places, found.tolist(), sums.tolist(), strict=True):
            end = answer.index(target["end"]) if target["end"] in answer else len(answer)
            written[place], log_probs[place] = answer[:end], total
    texts = writer.decode_batch(written, skip_special_tokens=False)
    names = {number: token for token, number in writer.get_vocab().items()}
    answers = zip(ids, written, texts, log_probs, strict=True)
    for number, (own, answer, text, log_prob) in enumerate(answers):
        yield {
            "row": number,
            "text": text,
            "tokens": [names[each] for each in answer],
            "log_prob": log_prob,
            "input_tokens": len(own),
            "unknown_tokens": own.count(source["unknown"]),
            "unknown_output_tokens": answer.count(target["unknown"]),
        }


def reconstruct(folder: Path, rows: Sequence[Row]) -> Iterator[Row]:
    """Images into images and errors."""
    session = _session(folder, "reconstruct")
    for start in range(0, len(rows), BATCH):
        some = [row["image"] for row in rows[start : start + BATCH]]
        pixels = np.stack([np.asarray(Image.open(io.BytesIO(each)).convert("L")) for each in some])
        images, errors = session.run(["reconstruction", "error"], {"images": pixels})
        for number, (image, error) in enumerate(zip(images, errors.tolist(), strict=True), start):
            yield {"row": number, "image": _png(image), "error": error}


TASKS: dict[str, Callable[[Path, Sequence[Row]], Iterator[Row]]] = {
    "classify": classify,
    "translate": translate,
    "reconstruct": reconstruct,
}


def read(path: Path) -> list[Row]:
    """The rows of a CSV, JSON Lines or Parquet file."""
    if path.suffix == ".csv":
        convert = arrow_csv.ConvertOptions(column_types={"text": pa.string()})
        rows: list[Row] = arrow_csv.read_csv(path, convert_options=convert).to_pylist()
        return rows
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        return rows
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def write(path: Path, rows: Iterator[Row]) -> None:
    """The rows in the format that the name of the file says; lists in CSV are JSON."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".csv":
        held = list(rows)
        table = {
            name: [_cell(row[name]) for row in held]
            if isinstance(first, list | dict)
            else [row[name] for row in held]
            for name, first in held[0].items()
        }
        arrow_csv.write_csv(pa.table(table), path)
    else:
        with path.open("wb") as file:
            file.writelines(orjson.dumps(row) + b"\n" for row in rows)


def _cell(value: object) -> str:
    return orjson.dumps(value).decode()


def _by_length(texts: Sequence[Sequence[int]], pad: int) -> Iterator[tuple[Array, Array]]:
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        ids = np.full((len(places), len(texts[places[-1]])), pad, np.int64)
        for row, place in zip(ids, places, strict=True):
            row[: len(texts[place])] = texts[place]
        yield places, ids


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest


def _tokenizer(manifest: dict[str, Any], encoding: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(json.dumps(manifest["encodings"][encoding]["tokenizer"]))
    tokenizer.encode_special_tokens = True
    return tokenizer


def _session(folder: Path, graph: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(folder / f"onnx/{graph}.onnx", options)


def _png(pixels: Array) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def main(argv: Sequence[str]) -> None:
    task, folder, source, output = argv
    write(Path(output), TASKS[task](Path(folder), read(Path(source))))


if __name__ == "__main__":
    main(sys.argv[1:])
