"""The task `translate_image`, against stand-ins of one direction and of two: negatives."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import helper
from PIL import Image
from starlette.testclient import TestClient

from serving.batch import command as batch


def negative(folder: Path, names: Sequence[str], *colours: int) -> None:
    """Graphs of pictures of 3 x 5: the first makes negatives, the second leaves all as it is."""
    entries = []
    for name, factor in zip(names, (-1, 1), strict=False):
        inputs = [("images", "uint8", ("batch", 3, 5, *colours), 0, 255)]
        outputs = [("translated", "uint8", ("batch", 3, 5, *colours))]
        operator = "BitwiseNot" if factor < 0 else "Identity"  # 255 - x
        nodes = [helper.make_node(operator, ["images"], ["translated"])]
        model = standins.graph_model(nodes, inputs, outputs)
        entries.append(standins.graph_entry(folder, name, model, inputs, outputs))
    standins.write_manifest(folder, "toy", ["translate_image"], entries)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("translation")
    negative(root / "one_way", ["translate_image"])
    negative(root / "both_ways", ["a_to_b", "b_to_a"], 3)
    return root


def pixels(*colours: int) -> np.ndarray:
    count = int(np.prod((3, 5, *colours)))
    return np.arange(count, dtype=np.uint8).reshape(3, 5, *colours)


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def opened(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_a_picture_is_translated_whether_it_comes_as_a_file_or_as_numbers(
    client: TestClient,
) -> None:
    body = {"images": [base64.b64encode(png(pixels())).decode(), pixels().tolist()]}
    results = client.post("/v1/models/one_way/translate_image", json=body).json()["results"]
    assert len(results) == 2
    for each in results:
        assert np.array_equal(opened(each["image"]), 255 - pixels())


def test_a_direction_is_chosen_and_the_first_one_without_a_choice(client: TestClient) -> None:
    text = base64.b64encode(png(pixels(3))).decode()
    for direction, wanted in (
        (None, 255 - pixels(3)),
        ("a_to_b", 255 - pixels(3)),
        ("b_to_a", pixels(3)),
    ):
        body = {"images": text} | ({"direction": direction} if direction else {})
        [found] = client.post("/v1/models/both_ways/translate_image", json=body).json()["results"]
        assert np.array_equal(opened(found["image"]), wanted)


@pytest.mark.parametrize(
    ("model", "body", "status", "line"),
    [
        ("one_way", {}, 400, "images is missing"),
        ("one_way", {"images": [[[0] * 5] * 4]}, 422, "resize it to 5 x 3"),
        ("one_way", {"images": [pixels().tolist()], "direction": "a_to_b"}, 400, "knows one alone"),
        ("both_ways", {"images": [pixels().tolist()]}, 422, "red, green and blue"),
        (
            "both_ways",
            {"images": [pixels(3).tolist()], "direction": "up"},
            400,
            'direction is "up"; send one of a_to_b, b_to_a',
        ),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, model: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{model}/translate_image", json=body)
    assert answer.status_code == status and line in answer.json()["error"]


def test_a_folder_of_pictures_is_translated_and_the_bad_one_set_aside(
    models: Path, tmp_path: Path
) -> None:
    folder, output = tmp_path / "pictures", tmp_path / "o.jsonl"
    folder.mkdir()
    (folder / "good.png").write_bytes(png(pixels(3)))
    (folder / "large.png").write_bytes(png(np.zeros((7, 7), np.uint8)))
    arguments = ["both_ways", "translate_image", str(folder), str(output)]
    arguments += ["--models", str(models), "--set", "direction=b_to_a"]
    assert batch.main(arguments) == 0
    [row] = [json.loads(line) for line in output.read_text().splitlines()]
    assert row["file"] == "good.png" and np.array_equal(opened(row["image"]), pixels(3))
    [bad] = (tmp_path / "o.jsonl.errors.jsonl").read_text().splitlines()
    assert "resize it to 5 x 3" in json.loads(bad)["reason"]
