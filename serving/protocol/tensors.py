"""The tensors of the Open Inference Protocol, version 2: JSON and binary to arrays and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.shapes import shown
from repertoire.runtime.signature import Array, Arrays, Port
from serving.protocol import datatypes
from serving.protocol.parameters import INPUT, OUTPUT, REQUEST, parameters, refuse_unknown

_REQUEST_FIELDS = {"id", "inputs", "outputs", "parameters", "model_name"}
_INPUT_FIELDS = {"name", "datatype", "shape", "data", "parameters"}
LONGEST_NAME = 128
SHORT = 4096  # bytes of JSON
_OUTPUT_FIELDS = {"name", "parameters"}


class Wanted(NamedTuple):
    """How an output goes out; `classes`: the likeliest so many in place of the values."""

    binary: bool
    classes: int = 0


class InferRequest(NamedTuple):
    """`outputs`: those wanted, all if empty. `seconds`: the time that the client gives, if any.

    `model` is the name that the body gives beside that of the address, if any.
    """

    id: str | None
    arrays: Arrays
    outputs: Mapping[str, Wanted]
    binary_by_default: bool
    seconds: float | None = None
    model: str | None = None


def decode(body: bytes, header_length: int | None) -> InferRequest:
    """Reads a request; `header_length` is the length of its JSON when binary tensors follow it.

    The arrays have the datatypes that they were sent with. Raises Malformed.
    """
    if header_length is not None and header_length > len(body):
        raise Malformed(f"the JSON is to be {header_length} bytes long; the body has {len(body)}")
    header = body if header_length is None else body[:header_length]
    document = json_object(header)
    refuse_unknown("the request", document, _REQUEST_FIELDS)
    arrays = _arrays(_objects(document, "inputs"), memoryview(body)[len(header) :])
    settings = parameters("the request", document, REQUEST)
    default = settings.get("binary_data_output", False)
    outputs = _outputs(document, default)
    microseconds = settings.get("timeout") or 0
    seconds = microseconds / 1e6 if microseconds else None
    number, model = _text(document, "id"), _text(document, "model_name")
    return InferRequest(number, arrays, outputs, default, seconds, model)


def encode(
    request: InferRequest, model: str, version: str, arrays: Mapping[str, Array]
) -> tuple[bytes, int | None]:
    """The body of the answer, and the length of its JSON if binary tensors follow it.

    Arrays of objects are of texts. Raises InvalidInput for a number that JSON cannot hold.
    """
    tensors, blobs = [], []
    by_default = Wanted(request.binary_by_default)
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        texts = array.dtype.kind == "O"
        tensor: dict[str, Any] = {"name": name, "shape": array.shape}
        tensor["datatype"] = "BYTES" if texts else datatypes.name_of(array.dtype)
        if request.outputs.get(name, by_default).binary:
            blob = datatypes.packed(array) if texts else array.tobytes()
            blobs.append(blob)
            tensor["parameters"] = {"binary_data_size": len(blob)}
        elif texts:
            tensor["data"] = array.reshape(-1).tolist()
        else:
            tensor["data"] = array.reshape(-1)
        tensors.append(tensor)
    document: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": tensors}
    if request.id is not None:
        document["id"] = request.id
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    # What is not finite became null. In a short text that is found sooner than in the numbers.
    if len(header) > SHORT or b"null" in header:
        for tensor in tensors:
            if "data" in tensor:
                check_finite(tensor["name"], arrays[tensor["name"]])
    return (b"".join([header, *blobs]), len(header)) if blobs else (header, None)


def describe(ports: Sequence[Port]) -> list[dict[str, Any]]:
    """Metadata of ports; -1 stands for a free size."""
    return [
        {"name": port.name, "datatype": datatypes.datatype_of(port), "shape": free_sizes(port)}
        for port in ports
    ]


def free_sizes(port: Port) -> list[int]:
    return [size if isinstance(size, int) else -1 for size in port.shape]


def json_object(text: bytes) -> dict[str, Any]:
    """Raises Malformed unless the text is one JSON object."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise Malformed("the body is JSON, but not an object")
    return document


def check_finite(name: str, array: Array) -> None:
    """Raises InvalidInput for a number that JSON would hold as null."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        value = array[~np.isfinite(array)][0]
        raise InvalidInput(
            f"output {name} holds {value}, which JSON cannot say; ask for it in binary "
            "(binary_data), or send values nearer to those that the model has learnt from"
        )


def _arrays(inputs: Sequence[Mapping[str, Any]], rest: memoryview) -> Arrays:
    arrays: Arrays = {}
    for tensor in inputs:
        name = _name(tensor)
        refuse_unknown(f"input {name}", tensor, _INPUT_FIELDS)
        used = parameters(f"input {name}", tensor, INPUT).get("binary_data_size")
        if name in arrays:
            raise Malformed(f"input {name} appears twice")
        datatype, shape, data = tensor.get("datatype"), _shape(name, tensor), tensor.get("data")
        if used is None:
            if data is None:
                raise Malformed(f"input {name} has no data")
            arrays[name] = datatypes.from_json(name, datatype, shape, data)
            continue
        needed = math.prod(shape) * datatypes.itemsize(name, datatype)
        if used != needed or needed > len(rest) or data is not None:
            raise Malformed(
                f"input {name}: its shape takes {needed} bytes, binary_data_size is {used}, "
                f"and {len(rest)} bytes are left; its data comes in JSON or in binary, not both"
            )
        arrays[name] = datatypes.from_bytes(name, datatype, shape, rest[:needed])
        rest = rest[needed:]
    if len(rest):
        raise Malformed(f"{len(rest)} bytes follow the last tensor; check binary_data_size")
    return arrays


def _outputs(document: Mapping[str, Any], default: bool) -> dict[str, Wanted]:
    outputs: dict[str, Wanted] = {}
    for output in _objects(document, "outputs") if document.get("outputs") is not None else ():
        name = _name(output)
        refuse_unknown(f"output {name}", output, _OUTPUT_FIELDS)
        if name in outputs:
            raise Malformed(f"output {name} is asked for twice")
        given = parameters(f"output {name}", output, OUTPUT)
        outputs[name] = Wanted(given.get("binary_data", default), given.get("classification", 0))
    return outputs


def _shape(name: str, tensor: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(s) is int and 0 <= s < 2**31 for s in shape):
        raise Malformed(f"input {name}: shape is a list of sizes, such as [1, 35]")
    if len(shape) > datatypes.AXES:
        raise Malformed(f"input {name} has {len(shape)} axes; send at most {datatypes.AXES}")
    if 0 in shape and math.prod(size or 1 for size in shape) >= 2**31:
        raise Malformed(f"input {name}: no tensor has the shape {shape}")
    return tuple(shape)


def _text(document: Mapping[str, Any], field: str) -> str | None:
    text = document.get(field)
    if text is not None and not isinstance(text, str):
        raise Malformed(f"{field} is a string")
    return text


def _objects(document: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    objects = document.get(field)
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise Malformed(f"{field} is a list of objects")
    return objects


def _name(tensor: Mapping[str, Any]) -> str:
    name = tensor.get("name")
    if not isinstance(name, str):
        raise Malformed("every tensor has a name")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Malformed(f"no tensor is called {shown(name)}; GET the model for its names")
    return name
