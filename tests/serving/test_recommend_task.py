"""The task of recommenders, with scores that are known."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import helper

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.task import Known, example_of
from serving.batch.command import main

TITLES = ["Alien (1979)", "Brazil (1985)", "Casablanca (1942)", "Dracula (1931)", "Emma (1996)"]
# Item 0 is padding. What one has liked raises its neighbours: each row is what an item adds.
TABLE = np.zeros((6, 5), np.float32)
TABLE[1, [1, 4]] = 5, 1
TABLE[2, [0, 3]] = 5, 2
TABLE[3, 3] = TABLE[4, 2] = 5
TABLE[5, 0] = 1
POPULAR = np.array([0.5, 0.4, 0.3, 0.2, 0.1], np.float32)


def recommender(folder: Path, titles: Sequence[str] = TITLES) -> None:
    """Scores are POPULAR and a row of TABLE for each like; the history itself is left out."""
    node = helper.make_node
    history = [("history", "int64", ("batch", "time"), 0, len(TITLES))]
    lists = [("top_ids", "int64", ("batch", 4)), ("scores", "float32", ("batch", 4))]
    nodes = [
        node("Gather", ["table", "history"], ["rows"]),
        node("ReduceSum", ["rows", "one"], ["added"], keepdims=0),
        node("Add", ["added", "popular"], ["all"]),
        node("OneHot", ["history", "size", "values"], ["places"]),
        node("ReduceSum", ["places", "one"], ["told_wide"], keepdims=0),
        node("Slice", ["told_wide", "one", "end", "one"], ["told"]),
        node("Greater", ["told", "nought"], ["seen"]),
        node("Where", ["seen", "nowhere", "all"], ["left"]),
        node("TopK", ["left", "four"], ["scores", "ids"]),
        node("Greater", ["scores", "least"], ["is_left"]),
        node("Add", ["ids", "one"], ["numbers"]),
        node("Where", ["is_left", "numbers", "none"], ["top_ids"]),
    ]
    weights = {
        "table": TABLE,
        "popular": POPULAR,
        "one": np.array([1]),
        "end": np.array([6]),
        "size": np.array(6),
        "values": np.array([0, 1], np.float32),
        "nought": np.array(0, np.float32),
        "nowhere": np.array(-1e9, np.float32),
        "least": np.array(-1e8, np.float32),
        "four": np.array([4]),
        "none": np.array(0),
    }
    model = standins.graph_model(nodes, history, lists, weights)
    entries = [standins.graph_entry(folder, "recommend", model, history, lists)]
    catalogue = {"items": {"kind": "catalogue", "titles": list(titles)}}
    standins.write_manifest(folder, "recommender", ["recommend"], entries, catalogue)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("films")
    recommender(folder)
    return load(folder)


def titles(answer: dict[str, Any]) -> list[str]:
    return [each["title"][0] for each in answer["recommendations"]]


def test_titles_and_ids_mean_the_same_and_are_never_recommended(films: Any) -> None:
    by_title = films.recommend(["alien (1979)", " Casablanca (1942) "])
    assert by_title == films.recommend([1, 3]) == films.recommend(["1", "3"])
    assert by_title["history"] == [TITLES[0], TITLES[2]]
    assert titles(by_title) == ["B", "D", "E"]  # 5.4, 5.2, 1.1; two of five are told
    first = by_title["recommendations"][0]
    assert first["id"] == 2 and first["score"] == pytest.approx(5.4)


def test_an_empty_history_gets_the_answer_for_someone_unknown(films: Any) -> None:
    assert titles(films.recommend()) == titles(films.recommend([])) == ["A", "B", "C", "D"]


def test_a_list_of_histories_has_an_answer_for_each(films: Any) -> None:
    assert [titles(each) for each in films.recommend([[4], [], ["4"]], count=2)] == [
        ["C", "A"],
        ["A", "B"],
        ["C", "A"],
    ]


def test_a_list_is_as_long_as_asked_or_as_something_is_left(films: Any) -> None:
    assert titles(films.recommend([4], count=2)) == ["C", "A"]
    assert titles(films.recommend([1, 2, 3, 4], count=4)) == ["E"]
    assert titles(films.recommend([1, 2, 3, 4, 5])) == []


def test_the_schema_of_one_model_says_how_many_it_lists(films: Any) -> None:
    count = films.recommend.task.request_schema(films.model)["properties"]["count"]
    assert (count["maximum"], count["default"]) == (4, 4)


def test_the_example_asks_for_as_many_as_the_model_lists(films: Any, tmp_path: Path) -> None:
    """Before an example is in the manifest, with it, and with one of a larger catalogue there."""
    task = films.recommend.task
    example = task.example(Known(facts={"items": 3}))
    assert (example["count"], task.example(Known(facts={"items": 7}))["count"]) == (3, 5)
    recommender(tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for held, count in (({}, 4), ({"recommend": example}, 3), ({"recommend": {"count": 7}}, 4)):
        path.write_text(json.dumps(manifest | {"examples": held}), encoding="utf-8")
        loaded = load(tmp_path)
        found = example_of(task, loaded.model)
        assert found["count"] == count
        assert len(loaded.recommend(**found)["recommendations"]) == count


@pytest.mark.parametrize(
    ("body", "error", "line"),
    [
        ({"history": [1, "Alein (1979)"]}, InvalidInput, 'history[1] is "Alein (1979)", which is'),
        ({"history": ["Alein (1979)"]}, InvalidInput, 'did you mean "Alien (1979)"'),
        ({"history": ["Zardoz!"]}, InvalidInput, "its titles are in the model's manifest"),
        (
            {"history": [6]},
            InvalidInput,
            "history[0] is 6, which is not in the catalogue; send 1 to",
        ),
        ({"history": [0]}, InvalidInput, "history[0] is 0, which is not in the catalogue"),
        ({"history": [1, True]}, Malformed, "history[1] is true; send a whole number or a text"),
        ({"history": "Alien (1979)"}, Malformed, "send a list of 0 to 1000"),
        ({"history": [1], "count": 5}, InvalidInput, "count is 5; send a whole number from 1 to 4"),
        ({"history": [1], "user": 3}, Malformed, "unknown field user"),
    ],
)
def test_what_is_no_history_is_refused_in_one_line(
    films: Any, body: dict[str, object], error: type[Exception], line: str
) -> None:
    with pytest.raises(error) as caught:
        films.recommend(**body)
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_title_is_known_in_any_form_of_its_letters(tmp_path: Path) -> None:
    accented = [
        "Misérables, Les (1995)",
        "Brazil (1985)",
        "Véronique",
        "괴물 (2006)",
        "Emma (1996)",
    ]
    recommender(tmp_path / "films", accented)
    films = load(tmp_path / "films")
    plain = films.recommend([1, 3, 4])
    assert plain["history"] == [accented[n] for n in (0, 2, 3)]
    for form in ("NFC", "NFD", "NFKD"):
        others = [unicodedata.normalize(form, accented[n]) for n in (0, 2, 3)]
        assert films.recommend(others) == plain
    assert films.recommend(["MISÉRABLES,\u00a0LES （1995）", "véronique ", 4]) == plain
    with pytest.raises(InvalidInput, match='did you mean "Véronique"'):
        films.recommend(["Ve\u0301roniqe"])


def test_rows_of_a_file_hold_a_history_each(tmp_path: Path) -> None:
    recommender(tmp_path / "models" / "films")
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"history": ["Dracula (1931)"]}, {"history": []}, {"history": ["Dracula"]}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["films", "recommend", str(source), str(output), "--set", "count=2"]
    assert main([*arguments, "--models", str(tmp_path / "models")]) == 0
    first, second = map(json.loads, output.read_text().splitlines())
    assert (titles(first), titles(second)) == (["C", "A"], ["A", "B"])
    [bad] = map(json.loads, Path(f"{output}.errors.jsonl").read_text("utf-8").splitlines())
    assert bad["row"] == 2 and 'did you mean "Dracula (1931)"' in bad["reason"]
