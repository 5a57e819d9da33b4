"""Completion and rescoring, against the bigram table they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from starlette.testclient import TestClient

# Ids of the bigram model: <eos> 0, <unk> 1, a 2, b 3, c 4.


def ask(client: TestClient, task: str, **fields: object) -> list[dict[str, object]]:
    answer = client.post(f"/v1/models/bigram/{task}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_completions_are_the_likeliest_next_words_in_order(
    client: TestClient, table: np.ndarray
) -> None:
    found = ask(client, "complete", prompt="a ", count=3)
    known = [token for token in np.argsort(-table[2]) if token > 1][:3]
    assert [row["log_prob"] for row in found] == pytest.approx(table[2, known].tolist())


def test_a_begun_word_is_completed_by_words_that_begin_so(
    client: TestClient, table: np.ndarray
) -> None:
    [found] = ask(client, "complete", prompt="a b")
    assert found["text"] == "" and found["log_prob"] == pytest.approx(float(table[2, 3]))
    assert ask(client, "complete", prompt="a zebra") == []


def test_longer_completions_go_on_with_the_likeliest_word(
    client: TestClient, table: np.ndarray
) -> None:
    found = ask(client, "complete", prompt="c ", count=1, tokens=3)
    best = max(range(2, 5), key=lambda token: table[4, token])
    second = int(table[best].argmax())
    total = table[4, best] + table[best, second] + table[second].max()
    assert found[0]["log_prob"] == pytest.approx(float(total), rel=1e-5)


def test_rescoring_adds_the_weighted_likelihood_of_the_text_and_its_end(
    client: TestClient, table: np.ndarray
) -> None:
    given = [{"text": "a b", "score": -1.0}, {"text": "c", "score": -5.0}, "b"]
    found = ask(client, "rescore", candidates=given, weight=0.5)
    expected = {
        "a b": -1 + 0.5 * (table[0, 2] + table[2, 3] + table[3, 0]),
        "c": -5 + 0.5 * (table[0, 4] + table[4, 0]),
        "b": 0.5 * (table[0, 3] + table[3, 0]),
    }
    assert {row["text"]: row["total"] for row in found} == pytest.approx(expected, rel=1e-5)
    totals = [row["total"] for row in found]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize(
    ("task", "fields", "complaint"),
    [
        ("rescore", {"candidates": [3]}, "a candidate is a text"),
        ("rescore", {"candidates": [{"text": "a", "score": "x"}]}, "a candidate is a text"),
        ("rescore", {"candidates": []}, "candidates holds 0 values"),
        ("complete", {"prompt": "a", "tokens": 17}, "tokens is 17; send 1 to 16"),
    ],
)
def test_a_bad_request_gets_one_line(
    client: TestClient, task: str, fields: dict[str, object], complaint: str
) -> None:
    answer = client.post(f"/v1/models/bigram/{task}", json=fields)
    assert answer.status_code in (400, 422) and complaint in answer.json()["error"]
