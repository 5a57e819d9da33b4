"""The tasks of word vectors, with vectors whose cosines are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import helper

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput, Malformed

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
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("words")
    vectors(folder)
    return load(folder)


def test_neighbours_come_by_falling_cosine_for_every_word_asked(words: Any) -> None:
    first, second = words.nearest(["king", "man"], count=2)
    assert (first["word"], second["word"]) == ("king", "man")
    assert [each["word"] for each in first["nearest"]] == ["king", "man"]
    assert [each["cosine"] for each in first["nearest"]] == pytest.approx([1.0, 0.6])


def test_a_word_alone_has_one_answer(words: Any) -> None:
    assert len(words.nearest("woman")["nearest"]) == 4


def test_similarity_is_the_cosine_and_never_beyond_one(words: Any) -> None:
    assert words.similarity("king", b="queen") == {"cosine": pytest.approx(7 / 25)}
    alike = [words.similarity(word, b=word)["cosine"] for word in WORDS]
    assert alike == pytest.approx([1, 1, 1, 1]) and max(alike) <= 1
    assert words.similarity("man", b="woman")["cosine"] == -1


def test_several_words_are_compared_with_one(words: Any) -> None:
    found = words.similarity(["king", "man"], b="woman")
    assert [each["cosine"] for each in found] == pytest.approx([-0.6, -1])


def test_an_analogy_moves_c_as_a_moves_to_b(words: Any) -> None:
    found = words.analogy("man", b="woman", c="king")["nearest"]
    # (-1, 0) - (1, 0) + (0.6, 0.8) = (-1.4, 0.8), beside queen (-0.6, 0.8) and woman (-1, 0)
    assert [each["word"] for each in found[:2]] == ["queen", "woman"]
    assert [each["cosine"] for each in found[:2]] == pytest.approx([1.48, 1.4])


@pytest.mark.parametrize(
    ("task", "body", "error", "line"),
    [
        (
            "nearest",
            {"word": ["king", "internet"]},
            InvalidInput,
            'word[1] is "internet", which is not in the model\'s vocabulary',
        ),
        ("nearest", {"word": "king queen"}, InvalidInput, "which is 2 words; send one"),
        ("nearest", {"word": ""}, InvalidInput, "is 0 words"),
        ("nearest", {"word": 3}, Malformed, "word is 3; send a text"),
        ("nearest", {}, Malformed, "word is missing"),
        ("nearest", {"word": "king", "count": 11}, InvalidInput, "count is 11"),
        ("similarity", {"a": "king"}, Malformed, "b is missing"),
        ("similarity", {"a": "king", "b": "<eos>"}, InvalidInput, 'b is "<eos>", which is not in'),
        ("similarity", {"a": "king", "b": "<unk>"}, InvalidInput, "not in the model's vocabulary"),
        ("analogy", {"a": "king", "b": "man", "c": "x", "d": "y"}, Malformed, "unknown field d"),
    ],
)
def test_what_is_no_known_word_is_refused_in_one_line(
    words: Any, task: str, body: dict[str, object], error: type[Exception], line: str
) -> None:
    with pytest.raises(error) as caught:
        getattr(words, task)(**body)
    assert line in str(caught.value) and "\n" not in str(caught.value)
