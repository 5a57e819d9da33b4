"""Tensors of the protocol, read and written without a server."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from serving.protocol.tensors import InferRequest, Wanted, decode, encode

X = np.array([[1, 2, 3], [5, 7, 11]], np.float32)
IDS = np.array([13, 17], np.int64)


def described(name: str, array: np.ndarray, **changes: Any) -> dict[str, Any]:
    datatype = {"float32": "FP32", "int64": "INT64"}[str(array.dtype)]
    size = {"binary_data_size": array.nbytes}
    shape = list(array.shape)
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": size, **changes}


def body(*inputs: dict[str, Any], blobs: bytes = b"", **more: Any) -> tuple[bytes, int]:
    header = json.dumps({"inputs": inputs, **more}).encode()
    return header + blobs, len(header)


@pytest.mark.parametrize("padding", range(4))
def test_binary_tensors_follow_one_another_and_lie_aligned_in_memory(padding: int) -> None:
    tensors = (described("x", X), described("ids", IDS))
    blobs = X.tobytes() + IDS.tobytes()
    request = decode(*body(*tensors, blobs=blobs, id="7" * padding))
    assert list(request.arrays) == ["x", "ids"]
    for array, sent in zip(request.arrays.values(), (X, IDS), strict=True):
        assert np.array_equal(array, sent) and array.dtype == sent.dtype
        assert array.flags.aligned and array.ctypes.data % array.itemsize == 0


def plain(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": X.tolist(), **changes}


@pytest.mark.parametrize(
    ("of", "parameters", "line"),
    [
        ("request", {"sequence_id": 7}, "sequence_id of the request is not supported"),
        ("request", {"sequence_start": True}, "sequence_start of the request is not supported"),
        ("request", {"priority": 1}, "priority of the request is not supported"),
        ("request", {"timeout": "7"}, "timeout of the request is a whole number"),
        ("request", {"timeout": -7}, "timeout of the request is a whole number"),
        ("request", {"content_type": "np"}, "content_type of the request is not supported"),
        ("request", {"binary_data_output": "true"}, "binary_data_output .* is true or false"),
        ("input", {"shared_memory_region": "r"}, "shared_memory_region of input x is not"),
        ("input", {"binary_data_size": 24.0}, "binary_data_size of input x is a whole number"),
        ("input", {"binary_data_size": True}, "binary_data_size of input x is a whole number"),
        ("output", {"shared_memory_region": "r"}, "shared_memory_region of output y is not"),
        ("output", {"class_count": 3}, "class_count of output y is not supported"),
        ("output", {"classification": True}, "classification of output y is a whole number"),
        ("output", {"binary_data": 1}, "binary_data of output y is true or false"),
    ],
)
def test_a_parameter_that_is_not_supported_or_of_another_type_is_refused_by_its_name(
    of: str, parameters: dict[str, Any], line: str
) -> None:
    given = {"parameters": parameters}
    tensor = plain(**given) if of == "input" else plain()
    more = {"outputs": [{"name": "y", **given}]} if of == "output" else {}
    more |= given if of == "request" else {}
    with pytest.raises(Malformed, match=line):
        decode(body(tensor, **more)[0], None)


def test_what_is_null_or_says_that_it_is_not_used_is_absent() -> None:
    unused = {"sequence_id": 0, "sequence_start": False, "priority": 0, "content_type": None}
    tensor = plain(parameters=None)
    outputs = [{"name": "y", "parameters": None, "shape": None}]
    absent = {"id": None, "model_name": None, "more": None}
    request = decode(body(tensor, outputs=outputs, parameters=unused, **absent)[0], None)
    assert (request.id, request.seconds, request.outputs) == (None, None, {"y": (False, 0)})
    assert decode(body(plain(), outputs=None, parameters=None)[0], None).outputs == {}


def test_the_timeout_is_in_microseconds() -> None:
    request = decode(body(plain(), parameters={"timeout": 1_500_000})[0], None)
    assert request.seconds == 1.5


@pytest.mark.parametrize(
    ("changes", "more", "line"),
    [
        ({}, {"ouputs": []}, "field ouputs of the request is not known"),
        ({"dtype": "FP32"}, {}, "field dtype of input x is not known"),
        ({}, {"outputs": [{"name": "y", "data": []}]}, "field data of output y is not known"),
        ({}, {"outputs": [{"name": "y"}] * 2}, "output y is asked for twice"),
        ({}, {"outputs": [7]}, "outputs is a list of objects"),
        ({}, {"id": 7}, "id is a string"),
        ({"shape": [1] * 33}, {}, "x has 33 axes"),
        ({"shape": [0, 2**31 - 1, 2**31 - 1], "data": []}, {}, "no tensor has the shape"),
        ({"shape": [2, 2**31]}, {}, "shape is a list of sizes"),
        ({"shape": [3, 2]}, {}, "nested as its shape"),
        ({"data": [1, 2, 3, 5, 7]}, {}, "has 5 values; its shape .2, 3. says other"),
        ({"data": "123456"}, {}, "no list of FP32"),
        ({"data": [1, 2, 3, 5, 7, "11"]}, {}, "no list of FP32"),
        ({"data": [1, 2, 3, 5, 7, None]}, {}, "no list of FP32"),
        ({"data": [1, 2, 3, 5, 7, True]}, {}, "no list of FP32"),
        ({"data": [[1, 2], [3]]}, {}, "no list of FP32"),
        ({"data": [1, 2, 3, 5, 7, [11]]}, {}, "no list of FP32"),
        ({"data": [1, 2, 3, 5, 7, 1e39]}, {}, "x holds 1e.39, which is no FP32"),
        ({"datatype": ["FP32"]}, {}, "datatype is none of"),
        ({"datatype": "BYTES"}, {}, "datatype is none of"),
    ],
)
def test_a_field_that_says_something_else_than_it_can_is_refused(
    changes: dict[str, Any], more: dict[str, Any], line: str
) -> None:
    with pytest.raises(Malformed, match=line):
        decode(body(plain(**changes), **more)[0], None)


def test_texts_among_the_numbers_take_no_memory_of_their_length_each() -> None:
    data = ["7" * 2**20, *[""] * 2**17]  # as one array of texts it would take 512 GiB
    with pytest.raises(Malformed, match="no list of FP32"):
        decode(body(plain(data=data))[0], None)


def test_a_header_longer_than_the_body_is_refused() -> None:
    content, length = body(plain())
    with pytest.raises(Malformed, match=f"{length + 1} bytes long; the body has {length}"):
        decode(content, length + 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_hold_goes_out_in_binary_or_not_at_all(value: float) -> None:
    arrays = {"y": np.array([[1, value]], np.float32)}
    with pytest.raises(InvalidInput, match=f"output y holds {value}, .* ask for it in binary"):
        encode(InferRequest(None, {}, {}, False), "m", "1", arrays)
    content, length = encode(InferRequest(None, {}, {}, True), "m", "1", arrays)
    assert np.array_equal(np.frombuffer(content[length:], np.float32)[1], value, equal_nan=True)


@pytest.mark.parametrize(
    ("tensors", "blobs", "line"),
    [
        ([described("x", X)] * 2, X.tobytes() * 2, "input x appears twice"),
        ([described("x", X)], X.tobytes() + b"12345", "5 bytes follow the last tensor"),
        ([described("x", X)], X.tobytes()[:-1], "takes 24 bytes, .* 23 bytes are left"),
        (
            [described("x", X, parameters={"binary_data_size": 20})],
            X.tobytes(),
            "takes 24 bytes, binary_data_size is 20",
        ),
        (
            [described("x", X[:1, :1], shape=[True], parameters={"binary_data_size": 4})],
            X.tobytes()[:4],
            "shape is a list of sizes",
        ),
        ([described("x", X, parameters={})], b"", "input x has no data"),
        ([described("x", X, parameters=3)], b"", "parameters of input x are an object"),
        ([{**described("x", X), "name": None}], b"", "every tensor has a name"),
    ],
)
def test_a_body_that_contradicts_itself_is_refused(
    tensors: list[dict[str, Any]], blobs: bytes, line: str
) -> None:
    with pytest.raises(Malformed, match=line):
        decode(*body(*tensors, blobs=blobs))


@pytest.mark.parametrize("default", [True, False])
def test_an_output_goes_out_in_binary_as_asked_or_by_the_default(default: bool) -> None:
    wanted = [
        {"name": "plain"},
        {"name": "packed", "parameters": {"binary_data": True}},
        {"name": "open", "parameters": {"binary_data": False}},
    ]
    tensor = described("x", X)
    choice = {"parameters": {"binary_data_output": default}}
    request = decode(*body(tensor, blobs=X.tobytes(), outputs=wanted, **choice))
    assert request.outputs == {"plain": (default, 0), "packed": (True, 0), "open": (False, 0)}
    everything = decode(*body(tensor, blobs=X.tobytes(), **choice))
    answer, length = encode(everything, "m", "1", {"y": X, "ids": IDS})
    assert length == (len(answer) - X.nbytes - IDS.nbytes if default else None)
    assert answer.endswith(X.tobytes() + IDS.tobytes()) == default


def test_an_answer_lists_its_tensors_in_order_with_their_values_or_sizes() -> None:
    request = InferRequest("seven", {}, {"turned": Wanted(False), "ids": Wanted(True)}, False)
    content, length = encode(request, "m", "3", {"turned": X.T, "ids": IDS})
    assert content[length:] == IDS.tobytes()
    document = json.loads(content[:length])
    turned, ids = document.pop("outputs")
    assert document == {"model_name": "m", "model_version": "3", "id": "seven"}
    assert turned["shape"] == [3, 2] and turned["data"] == [1, 5, 2, 7, 3, 11]
    assert ids["datatype"] == "INT64" and ids["parameters"] == {"binary_data_size": 16}
