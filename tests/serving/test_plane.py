"""The queue: batches that change no answer, bounds and deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper, numpy_helper

from repertoire.runtime.errors import (
    Abandoned,
    BadModel,
    DeadlineExceeded,
    InvalidInput,
    Overloaded,
)
from repertoire.runtime.ports import Limits
from serving.queue import plane as plane_module
from serving.queue.jobs import Cancelled
from serving.queue.plane import Plane
from serving.queue.run import QueuedRun
from serving.repository import Repository


class Gate:
    """Holds the runs of a repository back until it opens, and counts them with their rows."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.reached = threading.Event(), threading.Event()
        self.entered, self.rows, self.returned = list[str](), list[int](), list[bool]()
        original = repository.session

        def session(*arguments: Any) -> Any:
            inner = original(*arguments)
            gate = self

            class Held:
                def run(self, outputs: list[str], arrays: dict[str, Any], options: Any) -> Any:
                    gate.entered.append(arguments[1].name)
                    gate.reached.set()
                    assert gate.open.wait(10)
                    gate.rows.append(next(iter(arrays.values())).shape[0])
                    gate.returned.append(_returns_memory(options))
                    return inner.run(outputs, arrays, options)

            return Held()

        monkeypatch.setattr(repository, "session", session)


def _returns_memory(options: Any) -> bool:
    """Whether what a run took goes back to the system."""
    try:
        entry = options.get_run_config_entry("memory.enable_memory_arena_shrinkage")
    except RuntimeError:  # there is no such entry
        return False
    return bool(entry == "cpu:0")


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
    futures += [plane.submit(model, "next", tokens(rows, 1)) for rows in (200, 56, 7)]
    gate.open.set()
    assert [future.result(10)["log_probs"].shape[0] for future in futures] == [1, 200, 56, 7]
    assert gate.rows == [1, 256, 7]


def test_the_oldest_request_is_next_whatever_can_share_a_run_with_others(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    futures = [plane.submit(model, "next", tokens(1, 1))]
    assert gate.reached.wait(10)
    # The one of another length does not wait for the last, which came after it.
    waiting = (tokens(200, 1), tokens(201, 1), tokens(3, 2), tokens(202, 1))
    futures += [plane.submit(model, "next", arrays) for arrays in waiting]
    gate.open.set()
    for future in futures:
        future.result(10)
    assert gate.rows == [1, 200, 201, 3, 202]


def test_what_was_answered_together_waits_no_longer(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    for _ in range(3):
        gate.reached.clear()
        gate.open.clear()
        futures = [plane.submit(model, "next", tokens(1, 1))]
        assert gate.reached.wait(10)
        futures += [plane.submit(model, "next", tokens(1, 1)) for _ in range(7)]
        gate.open.set()
        for future in futures:
            future.result(10)


def test_requests_share_a_run_only_for_the_same_outputs_of_the_same_file(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standins.doubling(models / "triple", factor=3)
    repository = Repository(models)
    repository.refresh()
    plane, gate = Plane(repository, workers=1), Gate(repository, monkeypatch)
    x = np.full((1, 3), 7, np.float32)
    ids = {"tokens": np.array([[2, 3]])}
    held = plane.submit(repository.model("double"), "scale", {"x": x})
    assert gate.reached.wait(10)
    double, triple = (
        plane.submit(repository.model(name), "scale", {"x": x}) for name in ("double", "triple")
    )
    bigram = repository.model("bigram")
    wanted = (["log_probs"], ["top_ids", "log_probs"], None)
    several = [plane.submit(bigram, "next", ids, outputs) for outputs in wanted]
    gate.open.set()
    plane.close()
    found = [future.result(0)["y"][0, 0] for future in (held, double, triple)]
    assert found == [14, 14, 21]
    names = {port.name for port in bigram.manifest.graph("next").outputs}
    assert [set(each.result(0)) for each in several] == [
        {"log_probs"},
        {"log_probs", "top_ids"},
        names,
    ]


def test_requests_with_a_setting_of_their_own_never_share_a_run(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model, source = repository.model("mirror"), np.array([[3, 4, 5, 3, 2]])
    settings = {"beam": np.array(1), "length_penalty": np.array(0, np.float32)}

    def ask(length: int) -> Future[Any]:
        arrays = {"source": source, "max_length": np.array(length), **settings}
        return plane.submit(model, "translate", arrays)

    futures = [ask(5)]
    assert gate.reached.wait(10)
    futures += [ask(3), ask(2)]
    gate.open.set()
    assert [len(each.result(10)["tokens"][0]) for each in futures] == [5, 3, 2]


def test_a_graph_runs_once_at_a_time_beside_others_and_gathers_what_comes_meanwhile(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, gate = Plane(repository, workers=2), Gate(repository, monkeypatch)
    model = repository.model("lstm")
    futures = [plane.submit(model, "next", tokens(1, 1))]
    assert gate.reached.wait(10)
    gate.reached.clear()
    futures += [plane.submit(model, "next", tokens(rows, 1)) for rows in (2, 3, 5)]
    x = {"x": np.ones((7, 3), np.float32)}
    other = plane.submit(repository.model("double"), "scale", x)
    assert gate.reached.wait(10)  # by the other worker, past three requests that are older
    assert gate.entered == ["next", "scale"]
    gate.open.set()
    plane.close()
    assert [each.result(0)["log_probs"].shape[0] for each in futures] == [1, 2, 3, 5]
    assert other.result(0) and sorted(gate.rows) == [1, 7, 10]


def test_a_request_that_nobody_waits_for_is_not_run(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    first = plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    left, kept = (plane.submit(model, "next", tokens(rows, 1)) for rows in (3, 5))
    assert left.cancel()
    gate.open.set()
    assert first.result(10) and kept.result(10)
    assert gate.rows == [1, 5]


def test_an_error_reaches_all_whose_run_it_ended_and_the_next_run_works(
    plane: Plane, repository: Repository, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository.model("lstm")
    first = plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    with monkeypatch.context() as broken:

        def session(*_: Any) -> Any:
            raise BadModel("gone")

        broken.setattr(repository, "session", session)
        futures = [plane.submit(model, "next", tokens(rows, 1)) for rows in (2, 3)]
        gate.open.set()
        for future in futures:
            with pytest.raises(BadModel, match="gone"):
                future.result(10)
    assert first.result(10)
    assert plane.submit(model, "next", tokens(5, 1)).result(10)["log_probs"].shape[0] == 5


def test_a_plane_that_closes_answers_what_waits_and_takes_no_more(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, gate = Plane(repository, workers=1), Gate(repository, monkeypatch)
    model = repository.model("lstm")
    futures = [plane.submit(model, "next", tokens(1, 1))]
    assert gate.reached.wait(10)
    futures += [plane.submit(model, "next", tokens(1, length)) for length in (2, 3)]
    closing = threading.Thread(target=plane.close)
    closing.start()
    deadline = time.monotonic() + 5
    with pytest.raises(Overloaded):
        while time.monotonic() < deadline:  # until the other thread has come so far
            futures.append(plane.submit(model, "next", tokens(1, 1)))
            time.sleep(0.01)
    assert closing.is_alive()
    gate.open.set()
    closing.join(10)
    assert all(future.done() and future.result() for future in futures)


def test_a_full_queue_refuses_at_once(plane: Plane, repository: Repository, gate: Gate) -> None:
    model = repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    for _ in range(7):
        plane.submit(model, "next", tokens(1, 1))
    with pytest.raises(Overloaded, match="7 requests are waiting"):
        plane.submit(model, "next", tokens(1, 1))


def test_one_model_takes_no_more_of_the_queue_than_its_share(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = Plane(repository, limits=Limits(queue=7, queue_of_model=3), workers=1)
    gate, model = Gate(repository, monkeypatch), repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    for _ in range(3):
        plane.submit(model, "next", tokens(1, 1))
    with pytest.raises(Overloaded, match="3 requests to lstm are waiting already"):
        plane.submit(model, "next", tokens(1, 1))
    other = plane.submit(repository.model("double"), "scale", {"x": np.ones((1, 3), np.float32)})
    gate.open.set()
    plane.close()
    assert other.result(0)


def test_short_runs_are_answered_while_long_ones_of_several_graphs_run(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, gate = Plane(repository, workers=2), Gate(repository, monkeypatch)
    monkeypatch.setattr(plane_module, "LONG_SECONDS", 0.05)
    lstm, bigram, double = (repository.model(name) for name in ("lstm", "bigram", "double"))
    ids, x = {"tokens": np.array([[2, 3]])}, {"x": np.ones((1, 3), np.float32)}
    gate.open.set()
    plane.submit(double, "scale", x).result(10)
    gate.open.clear()
    for model, arrays in ((lstm, tokens(1, 1)), (bigram, ids)):  # each is known to take long
        gate.reached.clear()
        future = plane.submit(model, "next", arrays)
        assert gate.reached.wait(10)
        time.sleep(0.1)
        gate.open.set()
        future.result(10)
        gate.open.clear()
    gate.entered.clear()
    gate.reached.clear()
    first = plane.submit(lstm, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    gate.reached.clear()
    second = plane.submit(bigram, "next", ids)
    assert not gate.reached.wait(0.1)  # it would take the last worker
    plane.submit(double, "scale", x)
    assert gate.reached.wait(10) and gate.entered == ["next", "scale"]
    assert not first.done() and not second.done()
    gate.open.set()
    plane.close()
    assert first.result(0) and second.result(0)


def repeating(folder: Path, milliseconds_each: int = 1) -> None:
    """Graph `count`: runs `times` rounds of a sum, in which it can be stopped."""
    node = helper.make_node
    body = helper.make_graph(
        [
            node("Add", ["held", "one"], ["more"]),
            node("ReduceSum", ["large"], ["sum"], keepdims=0),
            node("Identity", ["on"], ["still"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("held", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", TensorProto.INT64, []),
        ],
        [
            numpy_helper.from_array(np.array(1), "one"),
            numpy_helper.from_array(np.ones(2**20 * milliseconds_each, np.float32), "large"),
        ],
    )
    inputs = [("times", "int64", ())]
    outputs = [("count", "int64", ())]
    weights = {"yes": np.array(True), "none": np.array(0)}
    loop = node("Loop", ["times", "yes", "none"], ["count"], body=body)
    model = standins.graph_model([loop], inputs, outputs, weights)
    entry = standins.graph_entry(folder, "count", model, inputs, outputs)
    standins.write_manifest(folder, "toy", [], [entry])


@pytest.fixture
def endless(models: Path) -> Iterator[tuple[Plane, Repository]]:
    """A plane whose model `repeating` runs for long if it is not stopped."""
    repeating(models / "repeating")
    repository = Repository(models)
    repository.refresh()
    plane = Plane(repository, workers=1)
    yield plane, repository
    plane.close()


def test_a_run_that_nobody_waits_for_ends_and_its_model_is_free(
    endless: tuple[Plane, Repository],
) -> None:
    plane, repository = endless
    model = repository.model("repeating")
    assert plane.submit(model, "count", {"times": np.array(7)}).result(10)["count"] == 7
    left = plane.submit(model, "count", {"times": np.array(10**8)})
    until_running(left)
    left.cancel()
    with pytest.raises(Abandoned):
        left.result(10)
    assert plane.submit(model, "count", {"times": np.array(5)}).result(10)["count"] == 5


def test_a_run_past_its_deadline_ends_and_its_model_is_free(
    endless: tuple[Plane, Repository],
) -> None:
    plane, repository = endless
    model = repository.model("repeating")
    until = time.monotonic() + 0.3
    run = QueuedRun(plane, model, lambda: until)
    with pytest.raises(DeadlineExceeded):
        run("count", times=np.array(10**8))
    soon = time.monotonic() + 5
    assert QueuedRun(plane, model, lambda: soon)("count", times=np.array(5))["count"] == 5


def test_a_client_that_goes_stops_its_run_and_those_to_come(
    endless: tuple[Plane, Repository],
) -> None:
    plane, repository = endless
    cancelled = Cancelled()
    run = QueuedRun(plane, repository.model("repeating"), cancelled=cancelled)
    assert run("count", times=np.array(3))["count"] == 3
    threading.Timer(0.2, cancelled.set).start()
    for _ in range(2):  # in the middle of a run, and before one
        with pytest.raises(Abandoned, match="nobody waits"):
            run("count", times=np.array(10**8))


def test_a_client_that_goes_while_its_request_waits_is_told_of_nothing(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model, cancelled = repository.model("lstm"), Cancelled()
    first = plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    threading.Timer(0.1, cancelled.set).start()
    with pytest.raises(Abandoned):
        QueuedRun(plane, model, cancelled=cancelled)("next", **tokens(3, 1))
    gate.open.set()
    assert first.result(10) and gate.rows == [1]


def test_a_shared_run_goes_on_while_anybody_waits_for_it(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    left, kept = (plane.submit(model, "next", tokens(rows, 1)) for rows in (3, 5))
    gate.reached.clear()
    gate.open.set()
    gate.open.clear()
    assert gate.reached.wait(10)
    left.cancel()
    gate.open.set()
    assert kept.result(10)["log_probs"].shape[0] == 5


def test_rows_that_take_much_memory_run_apart_and_are_answered_as_one(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of 11 tokens takes 4 arrays of 4 bytes, as wide as the gates of the net, 28."""
    model, asked = repository.model("lstm"), tokens(7, 11)
    whole = Plane(repository, workers=1)
    expected = QueuedRun(whole, model)("next", **asked)
    whole.close()
    row = 11 * 28 * 16
    plane = Plane(repository, limits=Limits(run_bytes=8 * 3 * (row + 500)), workers=1)
    gate = Gate(repository, monkeypatch)
    gate.open.set()
    found = QueuedRun(plane, model)("next", **asked)
    QueuedRun(plane, model)("next", **tokens(1, 2))
    plane.close()
    assert gate.rows == [3, 3, 1, 1]
    assert gate.returned == [True, True, True, False]
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-6)


def test_runs_that_have_no_room_beside_each_other_wait_and_small_ones_do_not(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of 101 numbers takes 101 x (4 x 4 + 4) bytes, of two graphs that are run apart."""
    row = 101 * 20
    plane = Plane(repository, limits=Limits(run_bytes=row + 1), workers=3)
    gate = Gate(repository, monkeypatch)
    wide = {"x": np.ones((1, 101), np.float32)}
    double, lstm = repository.model("double"), repository.model("lstm")
    large = plane.submit(double, "scale", wide)
    assert gate.reached.wait(10)
    gate.reached.clear()
    second = plane.submit(lstm, "next", tokens(1, 3))
    assert not gate.reached.wait(0.1)
    small = plane.submit(repository.model("bigram"), "sample", drawing())
    assert gate.reached.wait(10) and gate.entered == ["scale", "sample"]
    gate.open.set()
    plane.close()
    assert large.result(0) and second.result(0) and small.result(0)


def drawing() -> dict[str, np.ndarray]:
    """Inputs of the graph `sample`, of one row."""
    some = {name: np.zeros(1, np.float32) for name in ("temperature", "top_p", "uniform")}
    return {"log_probs": np.zeros((1, 5), np.float32), "top_k": np.zeros(1, np.int64), **some}


def test_a_request_that_takes_too_much_in_all_is_refused_with_its_sizes(
    repository: Repository,
) -> None:
    plane = Plane(repository, limits=Limits(run_bytes=1000), workers=1)
    with pytest.raises(InvalidInput, match=r"^7 x 11 \(batch x time\) takes about .* GB of memory"):
        plane.submit(repository.model("lstm"), "next", tokens(7, 11))
    plane.close()


def test_a_run_without_memory_is_tried_with_fewer_rows_and_then_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, tried, fits = Plane(repository, workers=1), list[int](), 2
    original = repository.session

    def session(*arguments: Any) -> Any:
        inner = original(*arguments)

        class Small:
            def run(self, outputs: list[str], arrays: dict[str, Any], options: Any) -> Any:
                tried.append(len(arrays["x"]))
                if tried[-1] > fits:
                    told = "Available memory of 7 is smaller than requested bytes of 11"
                    raise RuntimeError(f"[ONNXRuntimeError] : {told}")
                return inner.run(outputs, arrays, options)

        return Small()

    monkeypatch.setattr(repository, "session", session)
    x = np.arange(21, dtype=np.float32).reshape(7, 3)
    run = QueuedRun(plane, repository.model("double"))
    np.testing.assert_array_equal(run("scale", x=x)["y"], 2 * x)
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    fits = 0
    with pytest.raises(Overloaded, match=r"^7 x 3 \(batch x width\) of double.scale takes more"):
        run("scale", x=x)
    plane.close()


def until_running(future: Future[Any]) -> None:
    end = time.monotonic() + 10
    while not future.running():
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.1)  # and into its run


def test_a_request_past_its_deadline_is_not_run(
    plane: Plane, repository: Repository, gate: Gate
) -> None:
    model = repository.model("lstm")
    plane.submit(model, "next", tokens(1, 1))
    assert gate.reached.wait(10)
    late = plane.submit(model, "next", tokens(3, 1), deadline=time.monotonic() + 0.01)
    until = time.monotonic() + 0.02
    run = QueuedRun(plane, model, lambda: until)
    with pytest.raises(DeadlineExceeded):
        run("next", **tokens(5, 1))
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
        run = QueuedRun(plane, model)
        for step in range(50):
            x = np.full((1, 3), number + step, np.float32)
            if not np.array_equal(run("scale", x=x)["y"], 2 * x):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(100.0 * n,)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plane.close()
    assert not wrong
