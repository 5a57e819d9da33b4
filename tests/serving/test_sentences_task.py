"""The tasks of sentence vectors, over the application, with vectors whose cosines are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper
from starlette.testclient import TestClient

from serving.app import create_app
from serving.plane import Plane
from serving.repository import Repository
from serving.service import Service

WORDS = ("go", "come", "now")
KNOWN = ["Go!", "Come.", "Go now."]
# A sentence is the sum of its words' rows, of unit length: go east, come west, now north.
TABLE = np.array([[0, 0], [0, 0], [1, 0], [-1, 0], [0, 1]], np.float32)
UNIT = np.array([[1, 0], [-1, 0], [0.5**0.5, 0.5**0.5]], np.float32)


def autoencoder(folder: Path) -> None:
    """`embed` sums words; `nearest` ranks KNOWN; `decode` writes go or come by the first part."""
    node = helper.make_node
    tokens = [("tokens", "int64", ("batch", "time"), 0, len(TABLE) - 1)]
    vectors = [("vectors", "float32", ("batch", 2))]
    summed = [
        node("Gather", ["table", "tokens"], ["rows"]),
        node("ReduceSum", ["rows", "one"], ["vectors"], keepdims=0),
    ]
    ranked = [
        *summed,
        node("ReduceL2", ["vectors", "one"], ["length"], keepdims=1),
        node("Div", ["vectors", "length"], ["sought"]),
        node("MatMul", ["sought", "columns"], ["products"]),
        node("TopK", ["products", "three"], ["cosines", "top_ids"]),
    ]
    lists = [("top_ids", "int64", ("batch", 3)), ("cosines", "float32", ("batch", 3))]
    limits = [("max_length", "int64", (), 1, 512)]
    written = [
        node("Slice", ["vectors", "zero", "one", "one"], ["first"]),
        node("Less", ["first", "nought"], ["west"]),
        node("Cast", ["west"], ["number"], to=TensorProto.INT64),
        node("Add", ["number", "two"], ["word"]),
        node("Sub", ["word", "word"], ["end"]),
        node("Mul", ["max_length", "nothing"], ["ignored"]),
        node("Add", ["end", "ignored"], ["ended"]),
        node("Concat", ["word", "ended"], ["tokens"], axis=1),
    ]
    weights = {
        "table": TABLE,
        "columns": UNIT.T.copy(),
        "zero": np.array([0]),
        "one": np.array([1]),
        "two": np.array([2]),
        "three": np.array([3]),
        "nought": np.array(0, np.float32),
        "nothing": np.array(0),
    }
    answer = [("tokens", "int64", ("batch", "decoded_time"))]
    graphs = {
        "embed": (summed, tokens, vectors),
        "nearest": (ranked, tokens, lists),
        "decode": (written, [*vectors, *limits], answer),
    }
    entries = []
    for name, (nodes, inputs, outputs) in graphs.items():
        used = {each for n in nodes for each in n.input}
        stored = {key: value for key, value in weights.items() if key in used}
        model = standins.graph_model(nodes, inputs, outputs, stored)
        entries.append(standins.graph_entry(folder, name, model, inputs, outputs))
    encoding = {**standins.word_encoding(WORDS), "unknown": 1}
    tasks = ["nearest_sentences", "rewrite"]
    standins.write_manifest(folder, "sentence_vectors", tasks, entries, {"text": encoding})
    place = folder / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "facts": {"known": KNOWN}}))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    root = tmp_path_factory.mktemp("sentences")
    autoencoder(root / "sentences")
    repository = Repository(root)
    repository.refresh()
    service = Service(repository, Plane(repository), body=100_000)
    with TestClient(create_app(service, poll_seconds=3600)) as client:
        yield client


def ask(client: TestClient, task: str, body: dict[str, object]) -> list[dict[str, object]]:
    answer = client.post(f"/v1/models/sentences/{task}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_known_sentences_come_by_falling_cosine_for_every_text_asked(client: TestClient) -> None:
    # Of unequal length, so that they are sorted for the run and put back in order.
    texts = ["come come go now now", "go"]
    first, second = ask(client, "nearest_sentences", {"text": texts, "count": 2})
    assert [first["text"], second["text"]] == texts
    assert [each["text"] for each in second["nearest"]] == ["Go!", "Go now."]
    assert [each["cosine"] for each in second["nearest"]] == pytest.approx([1, 0.5**0.5])
    # (-1, 2) over the root of 5
    assert [each["text"] for each in first["nearest"]] == ["Come.", "Go now."]
    assert first["nearest"][0]["cosine"] == pytest.approx(5**-0.5)


def test_a_vector_is_written_again_up_to_its_end(client: TestClient) -> None:
    first, second = ask(client, "rewrite", {"text": ["come now", "go elsewhere"]})
    assert (first["written"], second["written"]) == ("come", "go")
    assert (first["unknown"], second["unknown"]) == (0, 1)


@pytest.mark.parametrize(
    ("task", "body", "status", "line"),
    [
        ("nearest_sentences", {"text": ""}, 422, "a text has no words"),
        ("nearest_sentences", {"text": ["go", ""]}, 422, "a text has no words"),
        ("nearest_sentences", {"text": 3}, 400, "text is a string or a list of strings"),
        ("nearest_sentences", {}, 400, "text is missing"),
        ("nearest_sentences", {"text": "go", "count": 11}, 422, "count is 11"),
        ("rewrite", {"text": "go", "count": 1}, 400, "unknown field count"),
    ],
)
def test_what_cannot_be_a_sentence_is_refused_in_one_line(
    client: TestClient, task: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/sentences/{task}", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]
