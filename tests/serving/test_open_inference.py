"""The Open Inference Protocol, over the application."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

X = np.array([[1, 2, 3], [5, 7, 11]], np.float32)


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": X.tolist(), **changes}


@pytest.mark.parametrize("name", ["double", "double.scale"])
def test_json_tensors_go_in_and_come_out(client: TestClient, name: str) -> None:
    body = {"id": "seven", "inputs": [tensor()]}
    answer = client.post(f"/v2/models/{name}/infer", json=body).json()
    assert answer["id"] == "seven"
    assert answer["model_name"] == name
    expected = {"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [2, 4, 6, 10, 14, 22]}
    assert answer["outputs"] == [expected]


def test_binary_tensors_go_in_and_come_out(client: TestClient) -> None:
    size = {"binary_data_size": X.nbytes}
    described = {"name": "x", "datatype": "FP32", "shape": [2, 3], "parameters": size}
    wanted = [{"name": "y", "parameters": {"binary_data": True}}]
    header = json.dumps({"inputs": [described], "outputs": wanted}).encode()
    answer = client.post(
        "/v2/models/double/infer",
        content=header + X.tobytes(),
        headers={"Inference-Header-Content-Length": str(len(header))},
    )
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert json.loads(answer.content[:length])["outputs"][0]["parameters"] == size
    assert np.array_equal(np.frombuffer(answer.content[length:], np.float32), 2 * X.ravel())


def test_only_the_outputs_asked_for_come_back(client: TestClient) -> None:
    tokens = {"name": "tokens", "datatype": "INT64", "shape": [1, 2], "data": [2, 3]}
    body = {"inputs": [tokens], "outputs": [{"name": "top_ids"}]}
    answer = client.post("/v2/models/bigram.next/infer", json=body).json()
    assert [each["name"] for each in answer["outputs"]] == ["top_ids"]


def test_an_lstm_given_a_batch_of_zero_answers_422_and_lives_on(client: TestClient) -> None:
    tokens = {"name": "tokens", "datatype": "INT64", "shape": [0, 5], "data": []}
    refused = client.post("/v2/models/lstm.next/infer", json={"inputs": [tokens]})
    assert refused.status_code == 422
    assert "empty along batch" in refused.json()["error"]
    tokens.update(shape=[1, 5], data=[1, 2, 3, 4, 5])
    assert client.post("/v2/models/lstm.next/infer", json={"inputs": [tokens]}).is_success


def test_an_id_beyond_the_vocabulary_is_refused(client: TestClient) -> None:
    tokens = {"name": "tokens", "datatype": "INT64", "shape": [1, 1], "data": [23]}
    refused = client.post("/v2/models/lstm.next/infer", json={"inputs": [tokens]})
    assert (refused.status_code, refused.json()["error"]) == (
        422,
        "input tokens holds 23; the most is 22",
    )


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"inputs": 3}', 400),
        (json.dumps({"inputs": [tensor(data=[1, 2])]}).encode(), 400),
        (json.dumps({"inputs": [tensor(datatype="FP65")]}).encode(), 400),
        (json.dumps({"inputs": [tensor(shape=[2, -3])]}).encode(), 400),
        (json.dumps({"inputs": [tensor(parameters={"binary_data_size": 24})]}).encode(), 400),
        (json.dumps({"inputs": [tensor(name="z")]}).encode(), 422),
        (json.dumps({"inputs": [tensor()], "outputs": [{"name": "z"}]}).encode(), 422),
    ],
)
def test_a_bad_request_gets_a_status_and_one_line(
    client: TestClient, content: bytes, status: int
) -> None:
    refused = client.post("/v2/models/double/infer", content=content)
    assert refused.status_code == status
    assert list(refused.json()) == ["error"]
    assert "\n" not in refused.json()["error"]


def test_an_unknown_model_is_answered_with_those_there_are(client: TestClient) -> None:
    refused = client.get("/v2/models/nobody")
    assert refused.status_code == 404
    assert "bigram, double, lstm, mirror, negative" in refused.json()["error"]


def test_metadata_names_the_graphs_and_their_ports(client: TestClient) -> None:
    whole = client.get("/v2/models/lstm").json()
    assert whole["graphs"] == ["lstm.next", "lstm.sample"]
    graph = client.get(f"/v2/models/lstm.next/versions/{whole['versions'][0]}").json()
    hidden = {"name": "hidden", "datatype": "FP32", "shape": [2, -1, 7]}
    assert hidden in graph["inputs"]
    assert client.get("/v2/models/lstm.next/versions/none/ready").status_code == 404


def test_the_server_tells_that_it_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True, "problems": {}}
    assert "binary_tensor_data" in client.get("/v2").json()["extensions"]


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/v2/models/double/infer", content=b" " * 100_001).status_code == 413
    chunks = (b" " * 1000 for _ in range(200))  # nothing announces their length
    assert client.post("/v2/models/double/infer", content=chunks).status_code == 413


def test_an_unexpected_error_shows_an_id_and_nothing_else(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr("serving.protocol.tensors.encode", broken)
    answer = client.post("/v2/models/double/infer", json={"inputs": [tensor()]})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "internal error" in answer.json()["error"]
