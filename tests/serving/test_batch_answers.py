"""Groups of rows of any size, as the batch job asks for them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repertoire.runtime import load, tasks
from repertoire.runtime.errors import InferenceError
from serving.batch import answers
from serving.batch.answers import attempt, graph_answer, task_answer


def asked_of(models: Path, name: str, task: str, **settings: Any) -> answers.Answer:
    model = load(models / name, 1)
    return task_answer(model.model, model.run, tasks.find(model.model, task), settings)


def spied(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[Any]:
    """The requests that a task is given."""
    given = []
    function = getattr(module, name)

    @functools.wraps(function)
    def answer(model: Any, run: Any, request: Any) -> Any:
        given.append(request)
        return function(model, run, request)

    task = dataclasses.replace(tasks.TASKS[name], answer=answer)
    monkeypatch.setitem(tasks.TASKS, name, task)
    return given


def test_a_group_larger_than_a_request_is_split_and_its_texts_sorted(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repertoire.runtime.tasks import language

    given = spied(monkeypatch, language, "score")
    texts = [" ".join("abc"[n % 3] for _ in range(1 + n % 7)) for n in range(601)]
    found = asked_of(models, "bigram", "score")([(n, {"text": t}) for n, t in enumerate(texts)])
    assert [len(each["tokens"]) for each in found] == [2 + n % 7 for n in range(601)]
    assert [len(request.text) for request in given] == [256, 256, 89]
    lengths = [len(text) for request in given for text in request.text]
    assert lengths == sorted(lengths)


def test_images_are_decoded_a_few_at_a_time(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from repertoire.runtime.tasks import pictures

    given = spied(monkeypatch, pictures, "reconstruct")
    images = [np.full((5, 7), n, np.uint8).tolist() for n in range(67)]
    found = asked_of(models, "negative", "reconstruct")(
        [(n, {"image": image}) for n, image in enumerate(images)]
    )
    assert [each["error"] for each in found] == [float(n) for n in range(67)]
    assert [len(request.images) for request in given] == [32, 32, 3]


def test_a_graph_takes_a_group_of_any_size(models: Path) -> None:
    model = load(models / "double", 1)
    rows = [(n, {"x": [float(n)] * (1 + n // 300)}) for n in range(607)]
    found = graph_answer(model.model, model.run, "scale")(rows)
    assert [each["y"] for each in found] == [[2.0 * n] * (1 + n // 300) for n in range(607)]


def test_texts_are_generated_together_and_each_as_it_is_alone(models: Path) -> None:
    answer = asked_of(models, "lstm", "generate", max_tokens=13, seed=2)
    group = [(n, {"prompt": " ".join(f"w{k}" for k in range(n % 5))}) for n in range(5, 42)]
    together = answer(group)
    for row, found in zip(group, together, strict=True):
        [alone] = answer([row])
        np.testing.assert_allclose(found.pop("log_probs"), alone.pop("log_probs"), atol=1e-5)
        assert found == alone
    assert [each["seed"] for each in together] == list(range(7, 44))


def test_a_bad_row_is_set_aside_and_its_neighbours_stay_together(models: Path) -> None:
    sizes = []
    answer = asked_of(models, "bigram", "generate", max_tokens=3)

    def counted(group: Sequence[Any]) -> list[Any]:
        found = answer(group)
        sizes.append(len(group))
        return found

    group: list[Any] = [(n, {"prompt": "a"}) for n in range(101)]
    group[43] = (43, {"prompt": 7})
    found = dict(attempt(counted, group))
    assert list(found) == list(range(101))
    assert [n for n, each in found.items() if isinstance(each, InferenceError)] == [43]
    assert max(sizes) >= 50 and len(sizes) <= 7
