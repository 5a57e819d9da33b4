"""The tasks of sentence vectors, with vectors whose cosines are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper

from repertoire.runtime import load
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed

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
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("sentences")
    autoencoder(folder)
    return load(folder)


def test_known_sentences_come_by_falling_cosine_for_every_text_asked(model: Any) -> None:
    # Of unequal length, so that they are sorted for the run and put back in order.
    texts = ["come come go now now", "go"]
    first, second = model.nearest_sentences(texts, count=2)
    assert [first["text"], second["text"]] == texts
    assert [each["text"] for each in second["nearest"]] == ["Go!", "Go now."]
    assert [each["cosine"] for each in second["nearest"]] == pytest.approx([1, 0.5**0.5])
    # (-1, 2) over the root of 5
    assert [each["text"] for each in first["nearest"]] == ["Come.", "Go now."]
    assert first["nearest"][0]["cosine"] == pytest.approx(5**-0.5)


def test_a_vector_is_written_again_up_to_its_end(model: Any) -> None:
    first, second = model.rewrite(["come now", "go elsewhere"])
    assert (first["written"], second["written"]) == ("come", "go")


@pytest.mark.parametrize("task", ["nearest_sentences", "rewrite"])
def test_each_text_says_how_much_of_it_was_known(model: Any, task: str) -> None:
    found = getattr(model, task)(["come now", "go there at once"])
    assert [each["input_tokens"] for each in found] == [2, 4]
    assert [each["unknown_tokens"] for each in found] == [0, 3]


def test_texts_of_more_than_one_run_keep_their_order(model: Any) -> None:
    counts = np.random.default_rng(0).permutation(67) % 7
    texts = ["now " * int(count) + ("go", "come")[count % 2] for count in counts]
    assert [each["written"] for each in model.rewrite(texts)] == [t.split()[-1] for t in texts]


def test_a_model_that_names_no_known_sentences_is_not_used(tmp_path: Path) -> None:
    autoencoder(tmp_path)
    place = tmp_path / "manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "facts": {}}))
    with pytest.raises(BadModel, match="names no known sentences"):
        load(tmp_path).nearest_sentences("go")


@pytest.mark.parametrize(
    ("task", "body", "error", "line"),
    [
        ("nearest_sentences", {"text": ""}, InvalidInput, "text[0] has no words"),
        ("nearest_sentences", {"text": ["go", " "]}, InvalidInput, "text[1] has no words"),
        ("nearest_sentences", {"text": 3}, Malformed, "text is 3; send a text, or a list"),
        ("nearest_sentences", {}, Malformed, "text is missing"),
        ("nearest_sentences", {"text": "go", "count": 11}, InvalidInput, "count is 11"),
        ("rewrite", {"text": "go", "count": 1}, Malformed, "unknown field count"),
    ],
)
def test_what_cannot_be_a_sentence_is_refused_in_one_line(
    model: Any, task: str, body: dict[str, object], error: type[Exception], line: str
) -> None:
    with pytest.raises(error) as caught:
        getattr(model, task)(**body)
    assert line in str(caught.value) and "\n" not in str(caught.value)
