"""Graphs over any number of rows, by runs that write down what they were given."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from repertoire.runtime.inference.rows import by_length, over_rows, over_texts
from repertoire.runtime.signature import Array, Arrays, Port

TEXTS = [[5, 7, 3], [2], [], [9, 4, 8, 6, 1], [3, 3]]


@dataclass
class Graph:
    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...] = ()
    feedback: dict[str, str] = field(default_factory=dict)


class Recorder:
    """Answers each row with itself, times `factor`, cut to its longest; keeps what it was given."""

    def __init__(self, dtype: str = "int64") -> None:
        factor = Port("factor", "int64", ())
        self._graph = Graph("times", (Port("tokens", dtype, ("batch", "time")), factor))
        self.given: list[Arrays] = []

    def graph(self, name: str, /) -> Graph:
        assert name == "times"
        return self._graph

    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        assert graph == "times"
        self.given.append(inputs)
        found = inputs["tokens"] * inputs["factor"]
        width = max(1, int((found != 0).sum(1).max()))
        every = {"product": found[:, :width], "sum": found.sum(1)}
        return {name: every[name] for name in outputs or every}


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_rows_keep_their_order_and_shorter_outputs_are_filled_up(most: int) -> None:
    run = Recorder()
    tokens = np.array([[5, 7, 0], [2, 0, 0], [9, 4, 8], [3, 0, 0], [6, 1, 0]])
    found = over_rows(run, "times", most, tokens=tokens, factor=np.array(3))
    assert found["product"].tolist() == (3 * tokens).tolist()
    assert found["sum"].tolist() == [36, 6, 63, 9, 21]
    sizes = [len(each["tokens"]) for each in run.given]
    assert max(sizes) <= most and sum(sizes) == 5
    assert all(each["factor"].shape == () for each in run.given)


def test_the_outputs_asked_for_come_alone() -> None:
    found = over_rows(
        Recorder(), "times", 2, "sum", tokens=np.ones((3, 5), np.int64), factor=np.array(2)
    )
    assert list(found) == ["sum"] and found["sum"].tolist() == [10, 10, 10]


def test_narrow_numbers_are_widened_run_by_run_and_none_is_narrowed() -> None:
    run = Recorder("float32")
    half = np.array([[1.5], [2.5], [3.5]], np.float16)
    over_rows(run, "times", 2, tokens=half, factor=np.array(1))
    assert [each["tokens"].dtype for each in run.given] == [np.float32, np.float32]
    with pytest.raises(TypeError):
        over_rows(Recorder(), "times", 2, tokens=half, factor=np.array(1))


def test_texts_of_similar_length_share_a_run_and_come_back_in_their_places() -> None:
    run = Recorder()
    found = over_texts(run, "times", TEXTS, 2, pad=0, port="tokens", factor=np.array(1))
    assert [each["tokens"].shape for each in run.given] == [(2, 1), (2, 3), (1, 5)]
    assert [[n for n in row if n] for row in found["product"].tolist()] == TEXTS
    assert found["sum"].tolist() == [15, 2, 0, 28, 6]


def test_a_shorter_text_is_filled_up_with_what_its_model_pads_with() -> None:
    [(rows, ids)] = by_length([[5, 7, 3], [2]], 3, 11)
    assert rows.tolist() == [1, 0] and ids.tolist() == [[2, 11, 11], [5, 7, 3]]
    assert ids.dtype == np.int64
