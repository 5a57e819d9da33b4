"""Every place in an ONNX file where foreign content could hide, written with the onnx package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import standins
from onnx import helper, numpy_helper

from repertoire.runtime.errors import BadModel
from repertoire.runtime.onnx_file import opened, refuse_foreign_content

PORT = ("batch", 3)


def harmless() -> onnx.ModelProto:
    node = helper.make_node("Mul", ["x", "two"], ["y"])
    weights = {"two": np.full((1,), 2, np.float32)}
    ports = ([("x", "float32", PORT)], [("y", "float32", PORT)])
    return standins.graph_model([node], *ports, weights)


def external() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "weight")
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="../../secret")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    return tensor


def sparse(values: onnx.TensorProto, indices: onnx.TensorProto) -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[7])


def branch(*tensors: onnx.TensorProto) -> onnx.GraphProto:
    return onnx.GraphProto(name="branch", initializer=tensors)


def foreign() -> onnx.NodeProto:
    return helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")


PLAIN = numpy_helper.from_array(np.ones(3, np.int64), "plain")
Change = Callable[[onnx.ModelProto, onnx.NodeProto], object]
TENSORS: dict[str, Change] = {
    "initializer": lambda m, n: m.graph.initializer.append(external()),
    "sparse values": lambda m, n: m.graph.sparse_initializer.append(sparse(external(), PLAIN)),
    "sparse indices": lambda m, n: m.graph.sparse_initializer.append(sparse(PLAIN, external())),
    "attribute": lambda m, n: n.attribute.add(name="a").t.CopyFrom(external()),
    "attributes": lambda m, n: n.attribute.add(name="a").tensors.append(external()),
    "sparse attribute": lambda m, n: n.attribute.add(name="a").sparse_tensor.CopyFrom(
        sparse(external(), PLAIN)
    ),
    "sparse attributes": lambda m, n: n.attribute.add(name="a").sparse_tensors.append(
        sparse(external(), PLAIN)
    ),
    "branch": lambda m, n: n.attribute.add(name="a").g.CopyFrom(branch(external())),
    "branches": lambda m, n: n.attribute.add(name="a").graphs.append(branch(external())),
    "training": lambda m, n: m.training_info.add().algorithm.CopyFrom(branch(external())),
    "initialization": lambda m, n: m.training_info.add().initialization.CopyFrom(
        branch(external())
    ),
    "function": lambda m, n: (
        m.functions.add(name="f").node.add(op_type="Constant").attribute.add(name="a")
    ).t.CopyFrom(external()),
    "default of a function": lambda m, n: (
        m.functions.add(name="f").attribute_proto.add(name="a").t.CopyFrom(external())
    ),
}
NODES: dict[str, Change] = {
    "graph": lambda m, n: m.graph.node.append(foreign()),
    "branch": lambda m, n: n.attribute.add(name="a").g.node.append(foreign()),
    "function": lambda m, n: m.functions.add(name="f").node.append(foreign()),
    "training": lambda m, n: m.training_info.add().algorithm.node.append(foreign()),
}


def content(change: Change | None) -> memoryview:
    model = harmless()
    if change:
        change(model, model.graph.node[0])
    return memoryview(model.SerializeToString())


def test_a_model_of_its_own_weights_passes_with_all_kinds_of_harmless_fields() -> None:
    model = harmless()
    node = model.graph.node[0]
    node.domain = "ai.onnx"
    node.attribute.add(name="a", f=0.5, i=-1)
    node.attribute.add(name="g").g.CopyFrom(branch(PLAIN))
    node.attribute.add(name="d").t.double_data.append(0.5)
    stored = model.graph.initializer.add(name="kept", data_location=onnx.TensorProto.DEFAULT)
    stored.double_data.extend([1.0, 2.0])
    refuse_foreign_content(memoryview(model.SerializeToString()))


@pytest.mark.parametrize("place", TENSORS)
def test_a_tensor_in_another_file_is_found_wherever_it_is(place: str) -> None:
    with pytest.raises(BadModel, match="external files are not allowed"):
        refuse_foreign_content(content(TENSORS[place]))


@pytest.mark.parametrize("field", ["external_data", "data_location"])
def test_one_of_the_two_marks_of_another_file_is_enough(field: str) -> None:
    model, tensor = harmless(), external()
    tensor.ClearField(field)
    model.graph.initializer.append(tensor)
    with pytest.raises(BadModel, match="external files are not allowed"):
        refuse_foreign_content(memoryview(model.SerializeToString()))


@pytest.mark.parametrize("place", NODES)
def test_an_operator_of_another_domain_is_found_wherever_it_is(place: str) -> None:
    with pytest.raises(BadModel, match=r"operator domain com\.microsoft is not allowed"):
        refuse_foreign_content(content(NODES[place]))


def test_a_graph_nested_without_end_is_refused() -> None:
    def nested(levels: int) -> memoryview:
        inner = branch(PLAIN)
        for _ in range(levels):
            node = onnx.NodeProto(attribute=[onnx.AttributeProto(name="a", g=inner)])
            inner = onnx.GraphProto(node=[node])
        return memoryview(onnx.ModelProto(graph=inner).SerializeToString())

    refuse_foreign_content(
        nested(20)
    )  # three messages a level, the model before them, a tensor after them
    with pytest.raises(BadModel, match="nested more than 64 levels"):
        refuse_foreign_content(nested(21))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\x3a\x05ab", "ends in the middle of a field"),
        (b"\x3a", "index out of"),
        (b"\x38\x05", "field 7 of model holds a number"),
        (b"\x0f", "unknown wire type 7"),
        (b"\x08" + b"\x80" * 11, "longer than 64 bits"),
        (b"\x0d\x00\x00", "ends in the middle of a field"),
    ],
)
def test_bytes_that_are_no_messages_are_no_onnx(data: bytes, line: str) -> None:
    with pytest.raises(BadModel, match=f"no ONNX file: .*{line}"):
        refuse_foreign_content(memoryview(data))


TRUNCATED = """
import hashlib, json, os, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
from repertoire.runtime.errors import BadModel
from repertoire.runtime.memory import read_widths
from repertoire.runtime.model import verify
path, whole = Path(sys.argv[1]), Path(sys.argv[1]).read_bytes()
graph = SimpleNamespace(file=path.name, sha256=hashlib.sha256(whole).hexdigest())
found, end = set(), time.monotonic() + 60

def rewrite():
    while time.monotonic() < end and len(found) < 4:
        os.truncate(path, 1009)
        time.sleep(0.02)
        with path.open("r+b") as file:
            file.write(whole)
        time.sleep(0.07)

writer = threading.Thread(target=rewrite)
writer.start()
while writer.is_alive():
    for name, read in (("verify", lambda: verify(path.parent, graph)),
                       ("widths", lambda: read_widths(path))):
        try:
            read()
            found.add(name + " passed")
        except BadModel:
            found.add(name + " refused")
print(json.dumps(sorted(found)))
"""


def test_a_file_that_is_truncated_while_it_is_read_is_a_bad_model_and_no_signal(
    tmp_path: Path,
) -> None:
    large = numpy_helper.from_array(np.zeros(2**20, np.float32), "large")
    graph = onnx.GraphProto(initializer=[large], node=[onnx.NodeProto(input=["large"])])
    path = tmp_path / "score.onnx"
    path.write_bytes(onnx.ModelProto(graph=graph).SerializeToString())
    told = subprocess.run(
        [sys.executable, "-c", TRUNCATED, path], capture_output=True, text=True, encoding="utf-8"
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [
        *("verify passed", "verify refused", "widths passed", "widths refused")
    ]


def test_a_file_is_read_as_its_bytes_are_whatever_a_block_holds(tmp_path: Path) -> None:
    content = np.random.default_rng(7).bytes(3 * 2**16 + 13)
    (path := tmp_path / "score.onnx").write_bytes(content)
    with opened(path) as (_, part):
        assert len(part) == len(content) and bytes(part) == content
        for start, stop in [(0, 0), (7, 11), (2**16 - 3, 2**16 + 5), (5, 2**17), (0, len(content))]:
            assert bytes(part[start:stop]) == content[start:stop]
            inner = part[5 : 2**17 + 7]
            assert inner[2**17 + 1] == content[2**17 + 6] and inner[3] == content[8]
            assert bytes(inner[2**16 : 2**16 + 17]) == content[2**16 + 5 : 2**16 + 22]
        assert part[len(content) - 1] == content[-1]
        for beyond in (inner, part):
            with pytest.raises(IndexError):
                beyond[len(beyond) + 3]
        path.write_bytes(content[:7])
        with pytest.raises(ValueError, match="became shorter"):
            bytes(part)


def test_weights_larger_than_a_block_are_passed_over_and_what_follows_them_is_not(
    tmp_path: Path,
) -> None:
    model = harmless()
    large = numpy_helper.from_array(np.zeros(2**15, np.float32), "large")
    model.graph.initializer.insert(0, large)
    path = tmp_path / "score.onnx"
    for placed in (None, external()):
        model.graph.initializer.extend([placed] if placed else [])
        path.write_bytes(model.SerializeToString())
        with opened(path) as (_, part):
            if placed is None:
                refuse_foreign_content(part)
                continue
            with pytest.raises(BadModel, match="external files"):
                refuse_foreign_content(part)
