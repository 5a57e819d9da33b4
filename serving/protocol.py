"""The tensors of the Open Inference Protocol, version 2: JSON and binary to arrays and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from repertoire.runtime.errors import Malformed
from repertoire.runtime.ports import from_numbers
from repertoire.runtime.signature import DTYPES, Array, Arrays, Port

_DATATYPE_OF = {"int64": "INT64", "float32": "FP32", "uint8": "UINT8"}
_DTYPE_OF = {datatype: DTYPES[name] for name, datatype in _DATATYPE_OF.items()}
_NAME_OF = {dtype: name for name, dtype in DTYPES.items()}  # str(dtype) is slow


@dataclass(frozen=True)
class InferRequest:
    """`outputs` maps the outputs wanted (all if empty) to whether each goes out in binary."""

    id: str | None
    arrays: Arrays
    outputs: Mapping[str, bool]
    binary_by_default: bool


def decode(body: bytes, header_length: int | None) -> InferRequest:
    """Reads a request; `header_length` is the length of its JSON when binary tensors follow it.

    Raises Malformed.
    """
    header = body if header_length is None else body[:header_length]
    document = json_object(header)
    rest = memoryview(body)[len(header) :]
    arrays: Arrays = {}
    for tensor in _objects(document, "inputs"):
        name, used = _name(tensor), _parameters(tensor).get("binary_data_size")
        if name in arrays:
            raise Malformed(f"input {name} appears twice")
        if used is None:
            arrays[name] = _from_json(name, tensor)
        else:
            arrays[name] = _from_binary(name, tensor, rest, used)
            rest = rest[used:]
    if len(rest):
        raise Malformed(f"{len(rest)} bytes follow the last tensor; check binary_data_size")
    default = _parameters(document).get("binary_data_output") is True
    wanted = _objects(document, "outputs") if "outputs" in document else []
    outputs = {_name(o): _parameters(o).get("binary_data", default) is True for o in wanted}
    return InferRequest(document.get("id"), arrays, outputs, default)


def encode(
    request: InferRequest, model: str, version: str, arrays: Mapping[str, Array]
) -> tuple[bytes, int | None]:
    """The body of the answer, and the length of its JSON if binary tensors follow it."""
    tensors, blobs = [], []
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        tensor: dict[str, Any] = {"name": name, "shape": array.shape}
        tensor["datatype"] = _DATATYPE_OF[_NAME_OF[array.dtype]]
        if request.outputs.get(name, request.binary_by_default):
            blobs.append(array.tobytes())
            tensor["parameters"] = {"binary_data_size": array.nbytes}
        else:
            tensor["data"] = array.reshape(-1)
        tensors.append(tensor)
    document: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": tensors}
    if request.id is not None:
        document["id"] = request.id
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([header, *blobs]), len(header)) if blobs else (header, None)


def describe(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """Metadata of ports; -1 stands for a free size."""
    return [
        {
            "name": port.name,
            "datatype": _DATATYPE_OF[port.dtype],
            "shape": [size if isinstance(size, int) else -1 for size in port.shape],
        }
        for port in ports
    ]


def json_object(text: bytes) -> dict[str, Any]:
    """Raises Malformed unless the text is one JSON object."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise Malformed("the body is JSON, but not an object")
    return document


def _from_json(name: str, tensor: Mapping[str, Any]) -> Array:
    dtype, shape = _dtype(name, tensor), _shape(name, tensor)
    if "data" not in tensor:
        raise Malformed(f"input {name} has no data")
    values = from_numbers(f"input {name}", tensor["data"], _NAME_OF[dtype])
    if values.size != math.prod(shape):
        raise Malformed(
            f"input {name} has {values.size} values; its shape {list(shape)} says other"
        )
    return values.reshape(shape)


def _from_binary(name: str, tensor: Mapping[str, Any], rest: memoryview, used: object) -> Array:
    dtype, shape = _dtype(name, tensor), _shape(name, tensor)
    needed = math.prod(shape) * dtype.itemsize
    if used != needed or isinstance(used, bool) or needed > len(rest):
        raise Malformed(
            f"input {name}: its shape takes {needed} bytes, "
            f"binary_data_size is {used}, and {len(rest)} bytes are left"
        )
    return np.require(np.frombuffer(rest[:needed], dtype).reshape(shape), requirements=["A"])


def _dtype(name: str, tensor: Mapping[str, Any]) -> np.dtype[Any]:
    datatype = tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in _DTYPE_OF:
        raise Malformed(f"input {name}: datatype is none of {', '.join(_DTYPE_OF)}")
    return _DTYPE_OF[datatype]


def _shape(name: str, tensor: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tensor.get("shape")
    sizes = shape if isinstance(shape, list) else [None]
    if not all(isinstance(s, int) and not isinstance(s, bool) and 0 <= s < 2**31 for s in sizes):
        raise Malformed(f"input {name}: shape is a list of sizes, such as [1, 35]")
    return tuple(sizes)


def _objects(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    objects = document.get(field)
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise Malformed(f"{field} is a list of objects")
    return objects


def _name(tensor: Mapping[str, Any]) -> str:
    name = tensor.get("name")
    if not isinstance(name, str):
        raise Malformed("every tensor has a name")
    return name


def _parameters(of: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = of.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Malformed("parameters is an object")
    return parameters
