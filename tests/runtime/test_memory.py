"""What a run is estimated to take, and the memory that runs share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from repertoire.runtime.errors import BadModel
from repertoire.runtime.manifest import Graph
from repertoire.runtime.memory import Cost, Widths, read_widths, widths_of
from repertoire.runtime.signature import Port


def graph(inputs: list[Port], outputs: list[Port]) -> Graph:
    return Graph("g", "g.onnx", "0" * 64, 0, tuple(inputs), tuple(outputs), {})


def floats(name: str, *shape: int | str) -> Port:
    return Port(name, "float32", shape)


def file_of(nodes: list[onnx.NodeProto], **weights: tuple[int, ...]) -> memoryview:
    stored = [
        numpy_helper.from_array(np.zeros(shape, np.float32), name)
        for name, shape in weights.items()
    ]
    made = helper.make_graph(nodes, "g", [], [], stored)
    return memoryview(helper.make_model(made).SerializeToString())


def test_a_sequence_takes_four_arrays_as_wide_as_the_widest_weight() -> None:
    cost = Cost(
        graph([floats("x", "batch", "time", 5)], [floats("y", "batch", "time")]), Widths(101)
    )
    assert cost.bytes({"batch": 7, "time": 11}, 1) == 7 * 11 * (4 * 4 * 101) + 7 * 11 * 4


def test_an_image_takes_the_channels_of_its_convolutions_at_each_pixel() -> None:
    cost = Cost(
        graph([floats("x", "batch", 5, 7, 3)], [floats("y", "batch", 2)]), Widths(11, channels=13)
    )
    assert cost.bytes({"batch": 3}, 1) == 3 * 5 * 7 * 13 * 16 + 3 * 2 * 4


def test_where_the_axes_of_two_inputs_meet_each_pair_counts() -> None:
    inputs = [floats("source", "batch", "here"), floats("target", "batch", "there")]
    cost = Cost(graph(inputs, [floats("y", "batch", "here", "there")]), Widths(101))
    pairs = 2 * 17 * 19
    assert cost.bytes({"batch": 2, "here": 17, "there": 19}, 1) == pairs * 16 * 25 + pairs * 4


def test_a_size_that_only_the_answer_has_is_what_is_said_of_it() -> None:
    cost = Cost(graph([floats("x", "batch", 3)], [floats("y", "batch", "steps")]), Widths(5))
    assert cost.open_ended
    assert cost.bytes({"batch": 2}, 13) == 2 * 13 * 5 * 16 + 2 * 13 * 4
    assert not Cost(graph([floats("x", "batch")], [floats("y", "batch")]), Widths()).open_ended


def test_tables_that_are_looked_up_do_not_count_and_what_is_multiplied_does() -> None:
    node = helper.make_node
    looked_up = [node("Gather", ["table", "ids"], ["rows"]), node("MatMul", ["rows", "w"], ["y"])]
    assert widths_of(file_of(looked_up, table=(997, 7), w=(7, 11))) == Widths(11, 1)
    tied = [*looked_up, node("Transpose", ["table"], ["turned"])]
    assert widths_of(file_of(tied, table=(997, 7), w=(7, 11))) == Widths(997, 1)


def test_kernels_are_channels_where_something_is_convolved_alone() -> None:
    node = helper.make_node
    convolved = [node("Conv", ["x", "k"], ["y"]), node("LSTM", ["y", "w", "w"], ["z"])]
    assert widths_of(file_of(convolved, k=(13, 5, 3, 3), w=(1, 28, 7))) == Widths(28, 13)
    assert widths_of(file_of([node("MatMul", ["x", "w"], ["y"])], w=(3, 31, 7))) == Widths(31, 1)


def test_weights_of_constants_and_of_graphs_within_graphs_count() -> None:
    node = helper.make_node
    constant = node("Constant", [], ["c"], value=numpy_helper.from_array(np.zeros((3, 43)), "v"))
    body = helper.make_graph(
        [constant, node("MatMul", ["x", "c"], ["y"])],
        "body",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    assert widths_of(file_of([node("Loop", ["n", "", "x"], ["z"], body=body)])) == Widths(43, 1)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"score\.onnx cannot be read"):
        read_widths(tmp_path / "score.onnx")


PROGRAM = """
import sys
import numpy as np
from pathlib import Path
from repertoire.runtime.session import open_session, share_memory
share_memory(2**26)
session = open_session(Path(sys.argv[1]), 1)
for rows in (3, 1009, 3):
    try:
        print(session.run(None, {"x": np.ones((rows, 2**14), np.float32)})[0].shape[0])
    except Exception as error:
        print("Available memory of" in str(error))
try:
    share_memory(2**26)
except ValueError as error:
    print(error)
"""


def test_runs_take_no_more_memory_than_they_share(tmp_path: Path) -> None:
    """1,009 rows of 64 KiB are 63 MiB: the array between the nodes fits no more beside them."""
    nodes = [helper.make_node("Exp", ["x"], ["e"]), helper.make_node("Neg", ["e"], ["y"])]
    ports = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2**14])]
        for name in ("x", "y")
    ]
    opsets = [helper.make_opsetid("", 18)]
    made = helper.make_model(
        helper.make_graph(nodes, "g", *ports), opset_imports=opsets, ir_version=9
    )
    (tmp_path / "g.onnx").write_bytes(made.SerializeToString())
    command = [sys.executable, "-c", PROGRAM, tmp_path / "g.onnx"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines() == ["3", "True", "3", "sessions share 67108864 bytes already"]
