"""The queue: batches that change no answer, bounds and deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.errors import DeadlineExceeded, Overloaded
from serving.plane import Plane
from serving.ports import Limits
from serving.repository import Repository


class Gate:
    """Holds the runs of a repository back until it opens, and counts them with their rows."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.reached = threading.Event(), threading.Event()
        self.rows: list[int] = []
        original = repository.session

        def session(*arguments: Any) -> Any:
            inner = original(*arguments)
            gate = self

            class Held:
                def run(self, outputs: list[str], arrays: dict[str, Any]) -> Any:
                    gate.reached.set()
                    assert gate.open.wait(10)
                    gate.rows.append(next(iter(arrays.values())).shape[0])
                    return inner.run(outputs, arrays)

            return Held()

        monkeypatch.setattr(repository, "session", session)


@pytest.fixture
def repository(stock: Path) -> Repository:
    repository = Repository(stock)
    repository.refresh()
    return repository


@pytest.fixture
def plane(repository: Repository) -> Iterator[Plane]:
    plane = Plane(repository, limits=Limits(queue=7), workers=1)
    yield plane
    plane.close()


@pytest.fixture
def gate(plane: Plane, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(repository, monkeypatch)
    yield gate
    gate.open.set()


def tokens(rows: int, time: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "tokens": random.integers(0, 23, (rows, time)),
        "hidden": random.standard_normal((2, rows, 7), np.float32),
    }


def test_requests_that_met_in_one_run_get_the_answers_they_get_alone(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    session = repository._sessions.get(model, model.manifest.graph("next"))
    asked = [tokens(rows, 5, seed) for seed, rows in enumerate((1, 2, 3, 1))]
    asked.append(tokens(2, 11))  # of another length: it cannot share their run
    futures = [plane.submit(model, "next", asked[0])]
    assert gate.reached.wait(10)
    futures += [plane.submit(model, "next", arrays) for arrays in asked[1:]]
    gate.open.set()
    names = [port.name for port in model.manifest.graph("next").outputs]
    for arrays, future in zip(asked, futures, strict=True):
        cell = np.zeros_like(arrays["hidden"])
        alone = session.run(names, {**arrays, "cell": cell})
        for name, expected in zip(names, alone, strict=True):
            np.testing.assert_allclose(future.result(10)[name], expected, atol=1e-5)
    assert gate.rows == [1, 6, 2]  # the first at once, those that waited together


def test_a_shared_run_has_no_more_rows_than_the_limit(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    futures = [plane.submit(model, "next", tokens(1, 1))]
    assert gate.reached.wait(10)
    futures += [plane.submit(model, "next", tokens(rows, 1)) for rows in (200, 50, 7)]
    gate.open.set()
    assert [future.result(10)["log_probs"].shape[0] for future in futures] == [1, 200, 50, 7]
    assert gate.rows == [1, 250, 7]


def test_a_full_queue_refuses_at_once(plane: Plane, repository: Repository, gate: Gate) -> None:
    model = repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    for _ in range(7):
        plane.submit(model, "next", tokens(1, 1))
    with pytest.raises(Overloaded, match="7 requests are waiting"):
        plane.submit(model, "next", tokens(1, 1))


def test_a_request_past_its_deadline_is_not_run(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    late = plane.submit(model, "next", tokens(3, 1), deadline=time.monotonic() + 0.01)
    run = plane.runner(model, time.monotonic() + 0.02)
    with pytest.raises(DeadlineExceeded):
        run("next", tokens(5, 1), None)
    gate.open.set()
    with pytest.raises(DeadlineExceeded):
        late.result(10)
    assert gate.rows == [1]


def test_many_threads_at_once_each_get_their_own_answer(stock: Path) -> None:
    repository = Repository(stock)
    repository.refresh()
    plane, model = Plane(repository, workers=2), repository.model("double")
    wrong: list[float] = []

    def ask(number: float) -> None:
        run = plane.runner(model)
        for step in range(50):
            x = np.full((1, 3), number + step, np.float32)
            if not np.array_equal(run("scale", {"x": x}, None)["y"], 2 * x):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(100.0 * n,)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plane.close()
    assert not wrong
