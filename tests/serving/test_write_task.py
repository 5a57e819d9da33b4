"""The task `write`, over the application, against pens whose course is known."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from onnx import TensorProto, helper
from standins import graph_entry, graph_model, write_manifest
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.wire import plain

SVG = "{http://www.w3.org/2000/svg}"


def letters(alphabet: str) -> dict[str, Any]:
    """A tokenizer of single letters; 0 pads, 1 ends, 2 is unknown."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    tokens = ["<pad>", "<eos>", "<unk>", *alphabet]
    tokenizer = Tokenizer(WordLevel({t: n for n, t in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return {
        "kind": "tokenizer",
        "tokenizer": json.loads(tokenizer.to_str()),
        "end": 1,
        "pad": 0,
        "unknown": 2,
    }


def pen(folder: Path, reads: bool) -> None:
    """Goes 1 to the right and down by the third uniform number, and lifts every third time.

    A pen that reads a text is past it after as many points as the text has letters, and one.
    """
    text = [("text", "int64", ("batch", "characters"), 0, 5)] if reads else []
    past = [("past", "float32", ("batch",))] if reads else []
    inputs: Sequence[tuple[Any, ...]] = [
        ("uniform", "float32", ("batch", 4), 0, 1),
        ("bias", "float32", ("batch",), 0, 10),
        *text,
        ("point", "float32", ("batch", 3)),
        ("count", "float32", ("batch", 1)),
    ]
    outputs = [
        *past,
        ("next_point", "float32", ("batch", 3)),
        ("next_count", "float32", ("batch", 1)),
    ]
    node = helper.make_node
    nodes = [
        node("Add", ["count", "unit"], ["next_count"]),
        node("Slice", ["uniform", "two", "three", "one"], ["down"]),
        node("Mod", ["next_count", "thrice"], ["rest"], fmod=1),
        node("Less", ["rest", "half"], ["third"]),
        node("Cast", ["third"], ["lift"], to=TensorProto.FLOAT),
        node("Add", ["lift", "zero"], ["lifted"]),
        node("Sub", ["next_count", "count"], ["right"]),
        node("Concat", ["right", "down", "lifted"], ["next_point"], axis=1),
        # Kept alive, or the file would lack these inputs.
        node("Identity", ["bias"], ["bias_unused"]),
        node("Identity", ["point"], ["point_unused"]),
    ]
    if reads:
        nodes += [
            node("Shape", ["text"], ["length"], start=1),
            node("Cast", ["length"], ["letters"], to=TensorProto.FLOAT),
            node("Sub", ["next_count", "letters"], ["beyond"]),
            node("Squeeze", ["beyond", "one"], ["past"]),
        ]
    floats = {"unit": 1, "thrice": 3, "half": 0.5, "zero": 0}
    weights = {name: np.array(value, np.float32) for name, value in floats.items()}
    weights |= {name: np.array([n]) for n, name in ((1, "one"), (2, "two"), (3, "three"))}
    model = graph_model(nodes, inputs, outputs, weights)
    back = {"next_point": "point", "next_count": "count"}
    entry = graph_entry(folder, "next", model, inputs, outputs, back)
    write_manifest(folder, "handwriting", ["write"], [entry], {"text": letters("abc")})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    pen(tmp_path / "models/free", reads=False)
    pen(tmp_path / "models/reader", reads=True)
    pen(tmp_path / "models/brief", reads=False)
    path = tmp_path / "models/brief/manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "facts": {"usual_points": 13}}))
    return tmp_path / "models"


def test_a_drawing_follows_its_seed_stroke_by_stroke(client: TestClient) -> None:
    answer = client.post("/v1/models/free/write", json={"seed": 7, "points": 8}).json()
    down = np.random.default_rng(7).random((8, 4), np.float32)[:, 2].astype(float).cumsum()
    course = [[n + 1.0, round(y, 3)] for n, y in enumerate(down)]
    assert answer["finish"] == "length" and answer["points"] == 8 and answer["seed"] == 7
    for stroke, expected in zip(
        answer["strokes"], (course[:3], course[3:6], course[6:]), strict=True
    ):
        np.testing.assert_allclose(stroke, expected, atol=0.002)


def test_a_drawing_is_as_long_as_those_that_were_learned_from(client: TestClient) -> None:
    assert client.post("/v1/models/brief/write", json={}).json()["points"] == 13
    assert client.post("/v1/models/free/write", json={}).json()["points"] == 400


def test_a_text_is_written_until_the_window_has_passed_it(client: TestClient) -> None:
    for text in ("a", "abcab"):
        answer = client.post("/v1/models/reader/write", json={"text": text, "seed": 1}).json()
        assert (answer["points"], answer["finish"]) == (len(text) + 1, "end")
    cut = client.post("/v1/models/reader/write", json={"text": "abcab", "points": 5}).json()
    assert (cut["points"], cut["finish"]) == (5, "length")


def test_the_svg_is_well_formed_and_holds_every_stroke(client: TestClient) -> None:
    body = {"text": "abcab", "seed": 5}
    answer = client.post("/v1/models/reader/write", json=body).json()
    file = client.post("/v1/models/reader/write", json=body, headers={"Accept": "image/svg+xml"})
    assert file.headers["content-type"].startswith("image/svg+xml")
    assert file.headers["seed"] == "5" and file.text == answer["svg"]
    drawing = ElementTree.fromstring(file.text)
    paths = [path.attrib["d"] for path in drawing.findall(f"{SVG}path")]
    assert drawing.tag == f"{SVG}svg" and len(paths) == len(answer["strokes"]) == 2
    left, top, width, height = map(float, drawing.attrib["viewBox"].split())
    for path, stroke in zip(paths, answer["strokes"], strict=True):
        places = [list(map(float, each.split())) for each in path[1:].split("L")]
        np.testing.assert_allclose(places, stroke, atol=1e-3)
        assert all(left < x < left + width and top < y < top + height for x, y in places)


def test_a_drawing_without_a_stroke_is_an_empty_svg(client: TestClient) -> None:
    answer = client.post("/v1/models/free/write", json={"points": 1}).json()
    assert answer["strokes"] == [] and ElementTree.fromstring(answer["svg"]).tag == f"{SVG}svg"


@pytest.mark.parametrize(
    ("model", "body", "status", "line"),
    [
        ("free", {"text": "abc"}, 422, "writes freely and reads none; leave it out"),
        ("reader", {}, 422, "text has 0 letters; send 1 to 32"),
        ("reader", {"text": "a" * 33}, 422, "text has 33 characters"),
        ("reader", {"text": "abé"}, 422, 'text holds "é"'),
        ("reader", {"text": ["a"]}, 400, 'text is ["a"]; send a text'),
        ("reader", {"text": "a", "bias": -1}, 422, "bias is -1"),
        ("reader", {"text": "a", "points": 1001}, 422, "points is 1001"),
        ("reader", {"text": "a", "ink": "red"}, 400, "unknown field ink"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, model: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{model}/write", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"]


def test_who_follows_a_drawing_hears_how_far_it_is(models: Path) -> None:
    write = load(models / "free").write
    *progress, (kind, drawing) = write.steps(points=997, seed=3)
    assert kind == "done" and drawing == write(points=997, seed=3)
    assert progress[-1] == ("progress", {"done": 997, "of": 997}) and len(progress) < 499


def test_a_schema_says_what_a_model_reads(models: Path) -> None:
    for name, text, other in (("free", "", "ab"), ("reader", "ab", "")):
        loaded = load(models / name)
        task = loaded.write.task
        asked = jsonschema_rs.validator_for(task.request_schema(loaded.model))
        assert asked.is_valid({"text": text}) and not asked.is_valid({"text": other})
        answer = jsonschema_rs.validator_for(task.answer_schema())
        assert answer.is_valid(plain(loaded.write(text, points=3)))
    brief = load(models / "brief")
    points = brief.write.task.request_schema(brief.model)["properties"]["points"]
    assert points["default"] == 13
