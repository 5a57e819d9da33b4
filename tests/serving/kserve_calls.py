"""Every call of KServe's InferenceRESTClient, run with an interpreter that has it.

`python kserve_calls.py URL` prints what it got, as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

X = np.array([[1, 2, 3], [5, 7, 11]], np.float32)


def request(values: np.ndarray, datatype: str, *, binary: bool, **more: object) -> InferRequest:
    tensor = InferInput("x", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("double.scale", [tensor], **more)


async def failure(call: object) -> str:
    try:
        return f"no failure but {await call}"
    except Exception as error:  # noqa: BLE001 - its line is what is wanted
        return str(error)


async def main(url: str) -> None:
    binary_out = [RequestedOutput("y", {"binary_data": True})]
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def infer(asked: InferRequest, name: str = "double.scale") -> list[float]:
            answer = await client.infer(url, asked, model_name=name)
            return answer.outputs[0].as_numpy().ravel().tolist()

        wide = np.arange(2003, dtype=np.float32)[None] % 1000
        found = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, "double"),
            "nobody ready": await client.is_model_ready(url, "nobody"),
            "json": await infer(request(X, "FP32", binary=False)),
            "binary": await infer(request(X, "FP32", binary=True)),
            "binary out": await infer(request(X, "FP32", binary=True, request_outputs=binary_out)),
            "half": await infer(request(X.astype(np.float16), "FP16", binary=True)),
            "double": await infer(request(X.astype(np.float64), "FP64", binary=False)),
            "whole": await infer(request(X.astype(np.int32), "INT32", binary=False)),
            "long": sum(await infer(request(wide, "FP32", binary=False))),
            "plain": await infer_plain(client, url),
            "unknown": await failure(infer(request(X, "FP32", binary=False), "nobody")),
            "out of range": await failure(infer(request(X * 1000, "FP32", binary=True))),
            "unsupported": await failure(
                infer(request(X, "FP32", binary=False, parameters={"priority": 1}))
            ),
        }
    print(json.dumps(found))  # noqa: T201


async def infer_plain(client: InferenceRESTClient, url: str) -> object:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [7]}
    answer = await client.infer(url, {"id": "seven", "inputs": [tensor]}, model_name="double")
    return [answer.id, answer.outputs[0].data]


asyncio.run(main(sys.argv[1]))
