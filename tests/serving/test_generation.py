"""The generate extension of the protocol, over the task that it stands on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.service import Service

GENERATE, STREAM = (f"/v2/models/bigram/{verb}" for verb in ("generate", "generate_stream"))
GREEDY = {"max_tokens": 7, "temperature": 0, "stop_at_end": False}


def task(client: TestClient, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/v1/models/bigram/generate", json=fields).json()
    return found


def pieces(client: TestClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post(STREAM, json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_the_text_is_that_of_the_task(client: TestClient, service: Service) -> None:
    expected = task(client, prompt="b", **GREEDY)
    body = {"id": "seven", "text_input": "b", "parameters": GREEDY}
    version = service.repository.model("bigram").version
    head = {"model_name": "bigram", "model_version": version, "id": "seven"}
    whole = {**head, "text_output": expected["text"]}
    assert client.post(GENERATE, json=body).json() == whole
    versioned = f"/v2/models/bigram/versions/{version}/generate"
    assert client.post(versioned, json=body).json() == whole
    assert client.post("/v2/models/bigram/versions/7/generate", json=body).status_code == 404


def test_the_pieces_of_a_stream_join_to_the_same_text(client: TestClient) -> None:
    expected = task(client, prompt="b", **GREEDY)
    found = pieces(client, text_input="b", parameters={**GREEDY, "stream": True})
    assert len(found) == 7 and "details" not in found[-1]
    assert "".join(piece["text_output"] for piece in found) == expected["text"]
    assert all(piece["model_name"] == "bigram" for piece in found)


def test_details_say_what_was_drawn_and_why_it_ended(client: TestClient) -> None:
    expected = task(client, prompt="b", **GREEDY)
    asked = {"text_input": "b", "parameters": {**GREEDY, "details": True}}
    details = client.post(GENERATE, json=asked).json()["details"]
    assert details["finish_reason"] == "length"
    assert [each["text"] for each in details["logprobs"]] == expected["tokens"]
    assert [each["logprob"] for each in details["logprobs"]] == expected["log_probs"]
    last = pieces(client, **asked)[-1]
    assert last["text_output"] == "" and last["details"]["finish_reason"] == "length"
    reasons = set()
    for seed in range(13):
        asked["parameters"] = {"max_tokens": 7, "seed": seed, "details": True}
        details = client.post(GENERATE, json=asked).json()["details"]
        reasons.add(details["finish_reason"])
        assert details["seed"] == seed
    assert reasons == {"length", "eos_token"}


@pytest.mark.parametrize("path", [GENERATE, STREAM])
@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({}, "text_input is a string"),
        ({"text_input": ["a"]}, "text_input is a string"),
        ({"text_input": "a", "max_tokens": 7}, "field max_tokens is not known"),
        ({"text_input": "a", "id": 7}, "id is a string"),
        ({"text_input": "a", "parameters": [7]}, "parameters are an object"),
        ({"text_input": "a", "parameters": {"prompt": "b"}}, "the text stands in text_input"),
        ({"text_input": "a", "parameters": {"stop": ["b"]}}, "unknown field stop"),
        ({"text_input": "a", "parameters": {"stream": "false"}}, "stream is true or false"),
        ({"text_input": "a", "parameters": {"details": 1}}, "details is true or false"),
    ],
)
def test_a_bad_request_gets_one_line(
    client: TestClient, path: str, body: dict[str, Any], line: str
) -> None:
    refused = client.post(path, json=body)
    assert refused.status_code == 400 and line in refused.json()["error"]


def test_a_stream_is_asked_for_by_its_address(client: TestClient) -> None:
    refused = client.post(GENERATE, json={"text_input": "a", "parameters": {"stream": True}})
    assert refused.status_code == 400 and "for /generate_stream alone" in refused.json()["error"]


def test_what_is_null_is_absent(client: TestClient) -> None:
    body = {"text_input": "b", "id": None, "parameters": {**GREEDY, "seed": None, "stream": None}}
    assert "id" not in client.post(GENERATE, json=body).json()
    assert client.post(GENERATE, json={"text_input": "b", "parameters": None}).is_success


@pytest.mark.parametrize("name", ["double", "nobody", "bigram.next"])
@pytest.mark.parametrize("verb", ["generate", "generate_stream"])
def test_only_models_with_the_task_generate(client: TestClient, name: str, verb: str) -> None:
    refused = client.post(f"/v2/models/{name}/{verb}", json={"text_input": "a"})
    assert refused.status_code == 404
