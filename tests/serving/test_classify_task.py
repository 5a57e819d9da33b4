"""The task `classify`, over the application, against sums worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import helper
from starlette.testclient import TestClient

WORDS = ("a", "b", "c")
# Evidence of each token for each class: `<eos>` and `<unk>` say nothing.
EVIDENCE = np.array([[0, 0], [0, 0], [0, 1.5], [0.5, 0], [0, -2.5]], np.float32)


def write_bag(folder: Path, facts: dict[str, object]) -> None:
    """Graph `classify`: the sum of the evidence of all tokens."""
    inputs = [("tokens", "int64", ("batch", "time"), 0, 4)]
    outputs = [("log_probs", "float32", ("batch", 2))]
    node = helper.make_node
    nodes = [
        node("Gather", ["evidence", "tokens"], ["each"]),
        node("ReduceSum", ["each", "one"], ["sum"], keepdims=0),
        node("LogSoftmax", ["sum"], ["log_probs"], axis=1),
    ]
    weights = {"evidence": EVIDENCE, "one": np.array([1])}
    model = standins.graph_model(nodes, inputs, outputs, weights)
    entry = standins.graph_entry(folder, "classify", model, inputs, outputs)
    encodings = {"text": standins.word_encoding(WORDS)}
    standins.write_manifest(folder, "classifier", ["classify"], [entry], encodings)
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "facts": facts}))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_bag(tmp_path / "bag", {"classes": ["dull", "fine"]})
    write_bag(tmp_path / "nameless", {})
    write_bag(tmp_path / "three", {"classes": ["dull", "fine", "odd"]})
    return tmp_path


def fine(evidence: float) -> float:
    return float(1 / (1 + np.exp(-evidence)))


def test_each_text_gets_its_label_and_a_probability_for_every_class(client: TestClient) -> None:
    texts = ["a b a", "c", "", "zzz b", "a"]
    answer = client.post("/v1/models/bag/classify", json={"text": texts}).json()
    expected = [fine(2.5), fine(-2.5), 0.5, fine(-0.5), fine(1.5)]
    found = [each["probabilities"]["fine"] for each in answer["results"]]
    assert found == pytest.approx(expected, rel=1e-5)
    for each in answer["results"]:
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    labels = [each["label"] for each in answer["results"]]
    assert labels == ["fine", "dull", "dull", "dull", "fine"]


def test_each_text_says_how_much_of_it_was_known(client: TestClient) -> None:
    answer = client.post("/v1/models/bag/classify", json={"text": ["a b a", "zzz", ""]}).json()
    known = [(each["input_tokens"], each["unknown_tokens"]) for each in answer["results"]]
    assert known == [(3, 0), (1, 1), (0, 0)]


def test_a_text_alone_is_a_list_of_one(client: TestClient) -> None:
    many = client.post("/v1/models/bag/classify", json={"text": ["a c"]}).json()
    assert client.post("/v1/models/bag/classify", json={"text": "a c"}).json() == many


def test_texts_of_many_lengths_keep_their_order(client: TestClient) -> None:
    counts = np.random.default_rng(0).permutation(67)
    texts = ["b " * count for count in counts]
    results = client.post("/v1/models/bag/classify", json={"text": texts}).json()["results"]
    found = [each["probabilities"]["fine"] for each in results]
    assert found == pytest.approx([fine(-0.5 * count) for count in counts], rel=1e-4)


@pytest.mark.parametrize(
    ("model", "body", "status", "line"),
    [
        ("bag", {}, 400, "text is missing"),
        ("bag", {"text": [3]}, 400, "text[0] is 3; send a text"),
        ("bag", {"text": []}, 422, "text holds 0 values"),
        ("bag", {"text": "a", "labels": 2}, 400, "unknown field labels"),
        ("nameless", {"text": "a"}, 503, "does not name its classes"),
        ("three", {"text": "a"}, 503, "does not name its classes"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(
    client: TestClient, model: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{model}/classify", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"]
