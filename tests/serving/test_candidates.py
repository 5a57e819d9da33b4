"""Completion and rescoring, against the bigram table they are made of."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.inference.language import completed

# Ids of the bigram model: <eos> 0, <unk> 1, a 2, b 3, c 4.


@pytest.fixture
def bigram(stock: Path) -> Any:
    return load(stock / "bigram")


def test_completions_are_the_likeliest_next_words_in_order(bigram: Any, table: np.ndarray) -> None:
    found = bigram.complete("a ", count=3)
    known = [token for token in np.argsort(-table[2]) if token > 1][:3]
    assert [row["log_prob"] for row in found["results"]] == pytest.approx(table[2, known].tolist())


def test_a_begun_word_is_completed_by_words_that_begin_so(bigram: Any, table: np.ndarray) -> None:
    [found] = bigram.complete("a b")["results"]
    assert found["text"] == "" and found["log_prob"] == pytest.approx(float(table[2, 3]))
    assert bigram.complete("a zebra")["results"] == []


def test_longer_completions_go_on_with_the_likeliest_word(bigram: Any, table: np.ndarray) -> None:
    for count, place in ((1, 0), (3, 2)):
        found = bigram.complete("c ", count=count, tokens=3)["results"]
        totals = []
        for token in (2, 3, 4):
            second = int(table[token].argmax())
            totals.append(float(table[4, token] + table[token, second] + table[second].max()))
        firsts = sorted(range(3), key=lambda each: -table[4, each + 2])[:count]
        expected = sorted((totals[each] for each in firsts), reverse=True)
        assert [row["log_prob"] for row in found] == pytest.approx(expected, rel=1e-5)
        assert len(found[place]["text"].split()) == 3


def test_completions_carry_the_state_of_the_prompt(tmp_path: Path) -> None:
    standins.lstm(tmp_path / "lstm", words=23, width=7)
    model = load(tmp_path / "lstm")
    tokens, nats = completed(model.run, [0, 5, 11], np.arange(2, 25), 5, 3)
    for row, total in zip(tokens, nats, strict=True):
        fed, expected = [0, 5, 11], 0.0
        for place, token in enumerate(row.tolist()):
            [given] = model.run("next", "log_probs", tokens=np.array([fed]))["log_probs"]
            expected += float(given[token])
            assert place == 0 or token == given.argmax()
            fed.append(token)
        assert total == pytest.approx(expected, rel=1e-5)


def test_a_prompt_says_how_much_of_it_was_known(bigram: Any) -> None:
    found = bigram.complete("a zebra c ", count=1)
    assert (found["input_tokens"], found["unknown_tokens"]) == (3, 1)
    assert all(row["unknown_output_tokens"] == 0 for row in found["results"])


def test_a_completion_says_how_much_of_it_has_no_token(tmp_path: Path) -> None:
    table = np.full((4, 4), -9.0)  # <eos>, <unk>, a, b: after a comes what is unknown, then b
    table[2, 1] = table[1, 3] = -1
    standins.bigram(tmp_path / "gaps", table, ["a", "b"])
    found = load(tmp_path / "gaps").complete("b ", count=1, tokens=3)["results"][0]
    assert (found["text"], found["unknown_output_tokens"]) == ("a <unk> b", 1)


def test_a_begun_word_may_be_decomposed(tmp_path: Path) -> None:
    table = np.log(np.full((4, 4), 0.25))
    standins.bigram(tmp_path / "accents", table, ["café", "cafés"])
    path = tmp_path / "accents" / "manifest.json"
    document = json.loads(path.read_text())
    document["encodings"]["text"]["tokenizer"]["normalizer"] = {"type": "NFC"}
    path.write_text(json.dumps(document))
    model = load(tmp_path / "accents")
    [_, found] = model.complete(unicodedata.normalize("NFD", "café"))["results"]
    assert found["text"] == "s"


def test_rescoring_adds_the_weighted_likelihood_of_the_text_and_its_end(
    bigram: Any, table: np.ndarray
) -> None:
    given = [{"text": "a b", "score": -1.0}, {"text": "c", "score": -5.0}, "b"]
    found = bigram.rescore(given, weight=0.5)["results"]
    expected = {
        "a b": -1 + 0.5 * (table[0, 2] + table[2, 3] + table[3, 0]),
        "c": -5 + 0.5 * (table[0, 4] + table[4, 0]),
        "b": 0.5 * (table[0, 3] + table[3, 0]),
    }
    assert {row["text"]: row["total"] for row in found} == pytest.approx(expected, rel=1e-5)
    totals = [row["total"] for row in found]
    assert totals == sorted(totals, reverse=True)


def test_each_candidate_says_how_much_of_it_was_known(bigram: Any) -> None:
    results = bigram.rescore(["a b c", {"text": "zebra b"}])["results"]
    known = {row["text"]: (row["input_tokens"], row["unknown_tokens"]) for row in results}
    assert known == {"a b c": (3, 0), "zebra b": (2, 1)}


def test_a_list_of_lists_is_rescored_list_by_list(bigram: Any) -> None:
    one, other = bigram.rescore([["a", "b"], ["c"]])
    assert (len(one["results"]), len(other["results"])) == (2, 1)


@pytest.mark.parametrize(
    ("task", "fields", "error", "complaint"),
    [
        ("rescore", {"candidates": [3]}, Malformed, "send a list of 1 to 256, each a text or"),
        ("rescore", {"candidates": ["a", 3]}, Malformed, "candidates[1] is 3; send a text or an"),
        (
            "rescore",
            {"candidates": [{"text": "a", "score": "x"}]},
            Malformed,
            'candidates[0].score is "x"; send a number',
        ),
        (
            "rescore",
            {"candidates": [{"text": "a", "score": float("inf")}]},
            InvalidInput,
            "send a finite number",
        ),
        ("rescore", {"candidates": [{"score": 1}]}, Malformed, "text of candidates[0] is missing"),
        ("rescore", {"candidates": []}, InvalidInput, "candidates holds 0 values"),
        ("rescore", {}, Malformed, "candidates is missing"),
        ("complete", {"prompt": "a", "tokens": 17}, InvalidInput, "number from 1 to 16"),
    ],
)
def test_a_bad_request_gets_one_line(
    bigram: Any, task: str, fields: dict[str, object], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error) as caught:
        getattr(bigram, task)(**fields)
    assert complaint in str(caught.value) and "\n" not in str(caught.value)
