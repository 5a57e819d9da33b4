"""Tensors of the protocol, read and written without a server."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from repertoire.runtime.errors import Malformed
from serving.protocol import InferRequest, decode, encode

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
        ([described("x", X, parameters=3)], b"", "parameters is an object"),
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
    assert request.outputs == {"plain": default, "packed": True, "open": False}
    everything = decode(*body(tensor, blobs=X.tobytes(), **choice))
    answer, length = encode(everything, "m", "1", {"y": X, "ids": IDS})
    assert length == (len(answer) - X.nbytes - IDS.nbytes if default else None)
    assert answer.endswith(X.tobytes() + IDS.tobytes()) == default


def test_an_answer_lists_its_tensors_in_order_with_their_values_or_sizes() -> None:
    request = InferRequest("seven", {}, {"turned": False, "ids": True}, False)
    content, length = encode(request, "m", "3", {"turned": X.T, "ids": IDS})
    assert content[length:] == IDS.tobytes()
    document = json.loads(content[:length])
    turned, ids = document.pop("outputs")
    assert document == {"model_name": "m", "model_version": "3", "id": "seven"}
    assert turned["shape"] == [3, 2] and turned["data"] == [1, 5, 2, 7, 3, 11]
    assert ids["datatype"] == "INT64" and ids["parameters"] == {"binary_data_size": 16}
