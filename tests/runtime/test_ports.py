"""What is refused before onnxruntime sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.manifest import Graph
from repertoire.runtime.ports import Limits, from_numbers, prepare
from repertoire.runtime.signature import Port

GRAPH = Graph(
    name="next",
    file="onnx/next.onnx",
    sha256="0" * 64,
    size=0,
    inputs=(
        Port("tokens", "int64", ("batch", "time"), 0, 10),
        Port("weights", "float32", ("batch", 3)),
        Port("hidden", "float32", (2, "batch", 7)),
    ),
    outputs=(Port("next_hidden", "float32", (2, "batch", 7)),),
    feedback={"next_hidden": "hidden"},
)
TOKENS, WEIGHTS = np.ones((5, 11), np.int64), np.ones((5, 3), np.float32)


def test_a_state_left_out_is_zeros_of_the_batch_size_of_the_request() -> None:
    prepared = prepare(GRAPH, {"tokens": TOKENS, "weights": WEIGHTS}, Limits())
    assert prepared["hidden"].shape == (2, 5, 7)
    assert prepared["hidden"].dtype == np.float32
    assert not prepared["hidden"].any()


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"tokens": TOKENS[:0], "weights": WEIGHTS[:0]}, "tokens is empty along batch"),
        ({"tokens": TOKENS[:, :0]}, "tokens is empty along time"),
        ({"tokens": TOKENS.astype(np.int32)}, "tokens is int32; send it as int64"),
        ({"tokens": TOKENS[0]}, r"tokens has 1 axes; send int64\[batch, time\]"),
        ({"tokens": TOKENS - 2}, "tokens holds -1; the least is 0"),
        ({"tokens": TOKENS * 11}, "tokens holds 11; the most is 10"),
        ({"weights": WEIGHTS[:, :2]}, r"weights has size 2; send float32\[batch, 3\]"),
        ({"weights": WEIGHTS[:3]}, "weights: batch is 3 here and 5 elsewhere"),
        ({"tokens": np.ones((257, 1), np.int64)}, "batch is 257, at most 256"),
        ({"tokens": np.ones((5, 4097), np.int64)}, "time is 4097, at most 4096"),
        ({"other": WEIGHTS}, "unknown input other; expected: tokens, weights, hidden"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name_and_a_remedy(
    changed: dict[str, Any], line: str
) -> None:
    with pytest.raises(InvalidInput, match=line):
        prepare(GRAPH, {"tokens": TOKENS, "weights": WEIGHTS, **changed}, Limits())


def test_an_input_left_out_is_named() -> None:
    with pytest.raises(InvalidInput, match="weights is missing"):
        prepare(GRAPH, {"tokens": TOKENS}, Limits())


def test_both_ends_of_a_range_and_of_a_limit_are_within_them() -> None:
    tokens = np.zeros((5, 11), np.int64)
    tokens[3, 7] = 10
    prepare(GRAPH, {"tokens": tokens, "weights": WEIGHTS}, Limits(batch=5, length=11))


def test_a_state_left_out_whose_size_nothing_tells_is_named() -> None:
    states = (Port("x", "float32", ("batch",)), Port("memory", "float32", ("batch", "slots")))
    graph = Graph("g", "f", "0" * 64, 0, states, (), {"next_memory": "memory"})
    with pytest.raises(InvalidInput, match="memory is missing and nothing tells its size slots"):
        prepare(graph, {"x": np.ones(5, np.float32)}, Limits())


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, None), (None, 1)])
def test_a_number_that_is_none_is_out_of_every_range(low: float | None, high: float | None) -> None:
    graph = Graph("g", "f", "0" * 64, 0, (Port("x", "float32", ("batch",), low, high),), (), {})
    with pytest.raises(InvalidInput, match="holds nan"):
        prepare(graph, {"x": np.array([0.5, np.nan], np.float32)}, Limits())


@pytest.mark.parametrize(
    ("low", "high", "sent", "taken"),
    [
        (-1, 1, [-1.0000004768371582, 1.0000004, 0.5], [-1, 1, 0.5]),
        (0, None, [-1e-7, 3e9], [0, 3e9]),
        (None, 1000, [1000.0005, -7], [1000, -7]),
    ],
)
def test_what_lies_beyond_a_bound_by_a_rounding_is_taken_as_the_bound(
    low: float | None, high: float | None, sent: list[float], taken: list[float]
) -> None:
    graph = Graph("g", "f", "0" * 64, 0, (Port("x", "float32", ("batch",), low, high),), (), {})
    given = np.array(sent, np.float32)
    found = prepare(graph, {"x": given}, Limits())["x"]
    assert found.dtype == np.float32 and found.tolist() == taken
    assert given.tolist() == np.array(sent, np.float32).tolist()


@pytest.mark.parametrize("sent", [-1.00001, 1.00001, np.inf, -np.inf])
def test_what_lies_further_beyond_a_bound_is_refused(sent: float) -> None:
    graph = Graph("g", "f", "0" * 64, 0, (Port("x", "float32", ("batch",), -1, 1),), (), {})
    with pytest.raises(InvalidInput, match=r"the (least|most) is -?1$"):
        prepare(graph, {"x": np.array([0, sent], np.float32)}, Limits())


@pytest.mark.parametrize(
    ("values", "dtype"), [([0, 255], "uint8"), ([-(2**63), 2**63 - 1], "int64"), ([], "float32")]
)
def test_the_ends_of_a_type_are_of_it(values: list[Any], dtype: str) -> None:
    found = from_numbers("x", values, dtype)
    assert found.dtype == dtype and found.tolist() == values


@pytest.mark.parametrize(
    ("values", "dtype"), [([1.5], "int64"), ([256], "uint8"), ([-1], "uint8"), ([2**63], "int64")]
)
def test_numbers_are_never_bent_into_their_type(values: list[Any], dtype: str) -> None:
    with pytest.raises(Malformed):
        from_numbers("x", values, dtype)


@pytest.mark.parametrize("values", [[True], ["1"], [[1], [2, 3]], [None], {"a": 1}])
def test_what_is_no_number_is_refused(values: Any) -> None:
    with pytest.raises(Malformed):
        from_numbers("x", values, "float32")
