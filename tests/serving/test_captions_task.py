"""The task `caption`, against a stand-in that counts rather than sees."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput, Malformed
from serving.batch import command as batch


def counting(folder: Path) -> None:
    """Says `lit` once for every bright pixel of a picture of 3 x 5, and ends if it may."""
    inputs = [("images", "uint8", ("batch", 3, 5), 0, 255), ("max_length", "int64", (), 1, 512)]
    outputs = [("tokens", "int64", ("batch", "time")), ("log_prob", "float32", ("batch",))]
    node = helper.make_node
    nodes = [
        node("Greater", ["images", "half"], ["bright"]),
        node("Cast", ["bright"], ["ones"], to=TensorProto.INT64),
        node("ReduceSum", ["ones", "sides"], ["count"], keepdims=0),
        node("Unsqueeze", ["count", "one"], ["column"]),
        node("Less", ["steps", "column"], ["before"]),
        node("Equal", ["steps", "column"], ["at"]),
        node("Where", ["at", "end", "zero"], ["rest"]),
        node("Where", ["before", "word", "rest"], ["whole"]),
        node("Reshape", ["max_length", "one"], ["stop"]),
        node("Slice", ["whole", "nought", "stop", "one"], ["tokens"]),
        node("Cast", ["count"], ["number"], to=TensorProto.FLOAT),
        node("Neg", ["number"], ["log_prob"]),
    ]
    weights = {
        "half": np.array(127, np.uint8),
        "sides": np.array([1, 2]),
        "one": np.array([1]),
        "nought": np.array([0]),
        "zero": np.array(0),
        "end": np.array(2),
        "word": np.array(3),
        "steps": np.arange(17)[None],
    }
    model = standins.graph_model(nodes, inputs, outputs, weights)
    entry = standins.graph_entry(folder, "caption", model, inputs, outputs)
    encoding = standins.word_encoding(["</s>", "lit"])
    encoding.update(end=2)
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": [3, 5]}
    encodings = {"caption": encoding, "images": images}
    standins.write_manifest(folder, "captioning", ["caption"], [entry], encodings)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("captions")
    counting(root / "counter")
    return root


@pytest.fixture(scope="session")
def counter(stock: Path) -> Any:
    return load(stock / "counter")


def picture(bright: int) -> np.ndarray:
    pixels = np.zeros(15, np.uint8)
    pixels[:bright] = 200
    return pixels.reshape(3, 5)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_pictures_are_described_in_their_order_without_the_end(client: TestClient) -> None:
    body = {"images": [base64.b64encode(png(picture(3))).decode(), picture(1).tolist()]}
    body["images"].append(picture(0).tolist())
    results = client.post("/v1/models/counter/caption", json=body).json()["results"]
    assert [each["text"] for each in results] == ["lit lit lit", "lit", ""]
    assert [each["tokens"] for each in results] == [["lit"] * 3, ["lit"], []]
    assert [each["log_prob"] for each in results] == [-3, -1, 0]
    assert {each["unknown_output_tokens"] for each in results} == {0}


@pytest.mark.parametrize("given", ["array", "levels", "file", "base64"])
def test_a_picture_needs_no_list(counter: Any, given: str) -> None:
    pixels = picture(2)
    file = png(pixels)
    text = base64.b64encode(file).decode()
    forms = {"array": pixels, "levels": pixels.tolist(), "file": file, "base64": text}
    assert counter.caption(forms[given])["text"] == "lit lit"


def test_pictures_of_more_than_one_run_keep_their_order(counter: Any) -> None:
    counts = [n % 13 for n in range(67)]
    found = counter.caption([picture(each) for each in counts])
    assert [len(each["tokens"]) for each in found] == counts


def test_a_caption_is_no_longer_than_asked(counter: Any) -> None:
    assert counter.caption(picture(9), max_length=4)["tokens"] == ["lit"] * 4


@pytest.mark.parametrize(
    ("body", "error", "line"),
    [
        ({}, Malformed, "images is missing"),
        ({"images": [[[0] * 5] * 4]}, InvalidInput, "resize it to 5 x 3"),
        ({"images": [[[256] * 5] * 3]}, InvalidInput, "from 0 to 255"),
        ({"images": ["no base64!"]}, Malformed, "images[0]: the image is not valid base64"),
        ({"images": [picture(1), b"x"]}, Malformed, "images[1]: the image is not an image"),
        ({"images": [[0] * 5] * 3, "max_length": 0}, InvalidInput, "number from 1 to 512"),
        ({"images": [[0] * 5] * 3, "text": "a"}, Malformed, "unknown field text"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    counter: Any, body: dict[str, object], error: type[Exception], line: str
) -> None:
    request = counter.caption.task
    with pytest.raises(error) as caught:
        request.answer(counter.model, counter.run, request.read(body))
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_of_pictures_is_described_and_the_bad_one_set_aside(
    models: Path, tmp_path: Path
) -> None:
    folder, output = tmp_path / "pictures", tmp_path / "o.jsonl"
    folder.mkdir()
    for bright in (5, 2):
        (folder / f"{bright}.png").write_bytes(png(picture(bright)))
    (folder / "7.png").write_bytes(png(picture(7))[:40])
    arguments = ["counter", "caption", str(folder), str(output), "--models", str(models)]
    assert batch.main(arguments) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(each["file"], each["text"]) for each in rows] == [
        ("2.png", "lit lit"),
        ("5.png", "lit lit lit lit lit"),
    ]
    [bad] = (tmp_path / "o.jsonl.errors.jsonl").read_text().splitlines()
    assert "the image is" in json.loads(bad)["reason"]


def test_a_file_of_any_size_is_cut_and_resized_as_training_files_were(counter: Any) -> None:
    wide = np.zeros((30, 90), np.uint8)
    wide[:, 20:70] = 200  # the middle of the proportions wanted, which alone is seen
    assert counter.caption(png(wide))["tokens"] == ["lit"] * 15
