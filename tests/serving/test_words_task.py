"""The tasks of word vectors, over the application, with vectors whose cosines are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import helper
from starlette.testclient import TestClient

from serving.app import create_app
from serving.plane import Plane
from serving.repository import Repository
from serving.service import Service

# <eos>, <unk>, then king, queen, man, woman: royalty on one axis, gender on another.
VECTORS = np.array([[9, 9], [9, 9], [3, 4], [-3, 4], [4, 0], [-4, 0]], np.float32)
WORDS = ("king", "queen", "man", "woman")


def vectors(folder: Path) -> None:
    """`embed` looks vectors up; `nearest` and `analogy` list every word, by cosine alone."""
    size, width = VECTORS.shape
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    node = helper.make_node
    low = np.array([-9, -9, 0, 0, 0, 0], np.float32)  # ends and unknown words are never listed
    weights = {"table": VECTORS, "unit": unit, "four": np.array([4]), "low": low}
    ranked = [
        node("Transpose", ["unit"], ["columns"], perm=[1, 0]),
        node("MatMul", ["sought", "columns"], ["products"]),
        node("Add", ["products", "low"], ["allowed"]),
        node("TopK", ["allowed", "four"], ["cosines", "top_ids"]),
    ]
    ids = [(name, "int64", ("batch",), 0, size - 1) for name in ("ids", "a", "b", "c")]
    lists = [("top_ids", "int64", ("batch", 4)), ("cosines", "float32", ("batch", 4))]
    found = [("vectors", "float32", ("batch", width))]
    lookup = [node("Gather", ["table", "ids"], ["vectors"])]
    near = [node("Gather", ["unit", "ids"], ["sought"]), *ranked]
    looked_up = [node("Gather", ["unit", name], [f"unit_{name}"]) for name in "abc"]
    moved = [
        node("Sub", ["unit_b", "unit_a"], ["step"]),
        node("Add", ["step", "unit_c"], ["sought"]),
    ]
    graphs = {
        "embed": (lookup, ids[:1], found),
        "nearest": (near, ids[:1], lists),
        "analogy": ([*looked_up, *moved, *ranked], ids[1:], lists),
    }
    entries = []
    for name, (nodes, inputs, outputs) in graphs.items():
        used = {each for n in nodes for each in n.input}
        stored = {key: value for key, value in weights.items() if key in used}
        model = standins.graph_model(nodes, inputs, outputs, stored)
        entries.append(standins.graph_entry(folder, name, model, inputs, outputs))
    encodings = {"text": standins.word_encoding(WORDS)}
    tasks = ["nearest", "similarity", "analogy"]
    standins.write_manifest(folder, "word_vectors", tasks, entries, encodings)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    root = tmp_path_factory.mktemp("words")
    vectors(root / "words")
    repository = Repository(root)
    repository.refresh()
    service = Service(repository, Plane(repository), body=100_000)
    with TestClient(create_app(service, poll_seconds=3600)) as client:
        yield client


def ask(client: TestClient, task: str, body: dict[str, object]) -> dict[str, object]:
    answer = client.post(f"/v1/models/words/{task}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_neighbours_come_by_falling_cosine_for_every_word_asked(words: TestClient) -> None:
    first, second = ask(words, "nearest", {"word": ["king", "man"], "count": 2})["results"]
    assert (first["word"], second["word"]) == ("king", "man")
    assert [each["word"] for each in first["nearest"]] == ["king", "man"]
    assert [each["cosine"] for each in first["nearest"]] == pytest.approx([1.0, 0.6])


def test_a_word_alone_is_a_list_of_one(words: TestClient) -> None:
    [found] = ask(words, "nearest", {"word": "woman"})["results"]
    assert len(found["nearest"]) == 4


def test_similarity_is_the_cosine(words: TestClient) -> None:
    found = ask(words, "similarity", {"a": "king", "b": "queen"})
    assert found == {"cosine": pytest.approx(7 / 25)}


def test_an_analogy_moves_c_as_a_moves_to_b(words: TestClient) -> None:
    found = ask(words, "analogy", {"a": "man", "b": "woman", "c": "king"})["nearest"]
    # (-1, 0) - (1, 0) + (0.6, 0.8) = (-1.4, 0.8), beside queen (-0.6, 0.8) and woman (-1, 0)
    assert [each["word"] for each in found[:2]] == ["queen", "woman"]
    assert [each["cosine"] for each in found[:2]] == pytest.approx([1.48, 1.4])


@pytest.mark.parametrize(
    ("task", "body", "status", "line"),
    [
        ("nearest", {"word": "internet"}, 422, "'internet' is not in the model's vocabulary"),
        ("nearest", {"word": "king queen"}, 422, "is 2 words; send one"),
        ("nearest", {"word": ""}, 422, "is 0 words"),
        ("nearest", {"word": 3}, 400, "a word is a string"),
        ("nearest", {}, 400, "word is missing"),
        ("nearest", {"word": "king", "count": 11}, 422, "count is 11"),
        ("similarity", {"a": "king"}, 422, "is 0 words"),
        ("similarity", {"a": "king", "b": "<unk>"}, 422, "not in the model's vocabulary"),
        ("analogy", {"a": "king", "b": "man", "c": "x", "d": "y"}, 400, "unknown field d"),
    ],
)
def test_what_is_no_known_word_is_refused_in_one_line(
    words: TestClient, task: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = words.post(f"/v1/models/words/{task}", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]
