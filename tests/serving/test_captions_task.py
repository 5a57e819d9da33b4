"""The task `caption`, against a stand-in that counts rather than sees."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from serving import batch


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


def test_a_picture_needs_no_list(client: TestClient) -> None:
    body = {"images": base64.b64encode(png(picture(2))).decode()}
    [found] = client.post("/v1/models/counter/caption", json=body).json()["results"]
    assert found["text"] == "lit lit"


def test_a_caption_is_no_longer_than_asked(client: TestClient) -> None:
    body = {"images": [picture(9).tolist()], "max_length": 4}
    [found] = client.post("/v1/models/counter/caption", json=body).json()["results"]
    assert found["tokens"] == ["lit"] * 4


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ({}, 400, "images is missing"),
        ({"images": []}, 422, "images holds 0 values; send 1 to 256"),
        ({"images": [[[0] * 5] * 4]}, 422, "resize it to 5 x 3"),
        ({"images": [[[256] * 5] * 3]}, 422, "from 0 to 255"),
        ({"images": ["no base64!"]}, 400, "not valid base64"),
        ({"images": [[[0] * 5] * 3], "max_length": 0}, 422, "max_length is 0; send 1 to 512"),
        ({"images": [[[0] * 5] * 3], "text": "a"}, 400, "unknown field text"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post("/v1/models/counter/caption", json=body)
    assert answer.status_code == status and line in answer.json()["error"]


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


def test_a_file_of_any_size_is_cut_and_resized_as_training_files_were(client: TestClient) -> None:
    wide = np.zeros((30, 90), np.uint8)
    wide[:, 20:70] = 200  # the middle of the proportions wanted, which alone is seen
    [found] = client.post(
        "/v1/models/counter/caption", json={"images": base64.b64encode(png(wide)).decode()}
    ).json()["results"]
    assert found["tokens"] == ["lit"] * 15
