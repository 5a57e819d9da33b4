"""Odd values in every field of every task and of `infer`: one clear line, and never a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import families
import live
import pytest
from starlette.testclient import TestClient

from serving.app import create_app

MARK = '"@"'
DEEP = 997
# As they stand in JSON: numbers that nothing holds, half a surrogate, what nests, repeats or lasts.
ODD = [
    *("null", "true", "-1", "1.5", "1e308", "1e400", "9" * 401, "NaN", "-9223372036854775809"),
    *('""', r'"\ud800"', r'"a\u0000b\n\u2028\u202e"', '"' + "é" * 50_021 + '"', '"AAAA"'),
    *("[]", "[[]]", "[null, 1]", "[1e308, 1e308]", "[[1, 2], [3]]", "{}", '[{"text": "a"}]'),
    *("[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, f"[{', '.join(['1'] * 5003)}]"),
]
NAMES = [r"line\n", r"\u0000", "", "k" * 10_007, r"\u202e"]
BODIES = ["", "[]", "null", "{", '{"a": 1}{', "\ufeff{}", r'{"\ud800": 1}', "[" * 100_003]
# Where the example of a stand-in says too little, for its manifest does.
WORKING: dict[str, dict[str, Any]] = {
    "course/forecast": {"series": [1, 2]},
    "pair/forecast": {"series": [[1, 2], [3, 5]]},
    "films/recommend": {"history": [1], "count": 2},
    "pen/write": {"text": "ab", "seed": 1},
    "sentences/nearest_sentences": {"text": "go", "count": 3},
    "staircase/likelihood": {"samples": [0.5, 0.25]},
    "tables/detect": {"rows": [0, 0], "normal": 0},
    "tinted/blend": {"images": [[[0, 1, 2], [3, 4, 5]]], "label": 1},
    "tinted/reconstruct": {"images": [[[0, 1, 2], [3, 4, 5]]], "label": 1},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root: Path = families.every(tmp_path_factory.mktemp("families"))
    app = create_app(live.service_of(root), poll_seconds=3600)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def requests(client: TestClient) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Addresses of tasks, a request to each that is answered, and the fields that it may have."""
    for model in client.get("/v1/models").json()["models"]:
        paths = client.get("/openapi.json", params={"model": model["name"]}).json()["paths"]
        for task in model["tasks"]:
            path = f"/v1/models/{model['name']}/{task}"
            told = paths[path]["post"]["requestBody"]["content"]["application/json"]
            [example] = told["examples"].values()
            base = WORKING.get(f"{model['name']}/{task}", example["value"])
            yield path, base, list(told["schema"]["properties"])


def check(client: TestClient, path: str, body: str) -> int:
    answer = client.post(path, content=body.encode())
    at = f"{path} {body[:200]}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, at
    if answer.status_code >= 400:
        line = answer.json()["error"]
        assert 0 < len(line) < 500 and line.isprintable(), at
        assert "Error" not in line and "object at" not in line, at
    return answer.status_code


def test_odd_values_in_a_request_to_a_task_are_refused_in_one_line(client: TestClient) -> None:
    statuses = []
    for path, base, fields in requests(client):
        assert check(client, path, json.dumps(base)) == 200
        for field in fields:
            rest = json.dumps({**base, field: "@"})
            statuses += [check(client, path, rest.replace(MARK, odd)) for odd in ODD]
        for name in NAMES:
            check(client, path, json.dumps(base)[:-1] + f', "{name}": 1}}')
        for body in BODIES:
            assert check(client, path, body) == 400
    assert len(statuses) > 1500 and statuses.count(200) < len(statuses) / 3


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value within a value."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, each in parts if isinstance(value, dict | list) else ():
        yield (*path, key)
        if isinstance(each, dict | list):
            yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], put)
    return copy


INFER = {
    "id": "7",
    "model_name": "tinted.encode",
    "inputs": [
        {
            "name": "images",
            "datatype": "UINT8",
            "shape": [1, 2, 3],
            "data": [3] * 6,
            "parameters": {"binary_data_size": None},
        },
        {"name": "labels", "datatype": "INT64", "shape": [1], "data": [2]},
    ],
    "outputs": [{"name": "mean", "parameters": {"binary_data": False, "classification": 2}}],
    "parameters": {"binary_data_output": False, "timeout": 10**7},
}
GENERATE = {"id": "7", "text_input": "a", "parameters": {"max_tokens": 3, "details": True}}
LOAD = {"parameters": {"unload_dependents": True}}


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/v2/models/tinted.encode/infer", INFER),
        ("/v2/models/bigram/generate", GENERATE),
        ("/v2/repository/models/double/load", LOAD),
        ("/v2/repository/index", {"ready": True}),
    ],
)
def test_odd_values_in_the_protocol_are_refused_in_one_line(
    client: TestClient, path: str, base: dict[str, Any]
) -> None:
    assert check(client, path, json.dumps(base)) == 200
    for place in sorted(set(places(base)), key=str):
        body = json.dumps(changed(base, place, "@"))
        for odd in ODD:
            check(client, path, body.replace(MARK, odd))
        within = base
        for key in place:
            within = within[key]
        for name in NAMES if isinstance(within, dict) else ():
            text = json.dumps(within)[:-1] + (", " if within else "") + f'"{name}": 1}}'
            check(client, path, body.replace(MARK, text))


@pytest.mark.parametrize(
    "name", ["%00", "%0a", "%ff", "%ED%A0%80", "a" * 5003, "%2e%2e", "%E2%80%AE"]
)
def test_odd_names_in_an_address_are_not_found_in_one_line(client: TestClient, name: str) -> None:
    whole = client.get("/openapi.json").json()["paths"]
    for path, item in whole.items():
        if "{" not in path or "sharedmemory" in path or "trace" in path:
            continue
        asked = path.replace("{name}", name).replace("{version}", name)
        for method in {"get", "post", "delete"} & {*item, "delete"}:
            answer = client.request(method, asked, json={} if method == "post" else None)
            line = answer.json()["error"]
            assert answer.status_code == (405 if method == "delete" else 404), asked
            assert line.isprintable() and len(line) < 500
            if method == "delete":
                allowed = {each.strip() for each in answer.headers["Allow"].split(",")}
                assert {each.upper() for each in item} <= allowed


def test_a_list_of_many_models_is_cut_in_a_message(client: TestClient) -> None:
    line = client.get("/v2/models/nobody").json()["error"]
    assert "bag, " in line and line.endswith("and 7 others")


def test_whatever_has_a_get_has_a_head_without_a_body(client: TestClient) -> None:
    for path in (
        "/v2",
        "/v2/models/double",
        "/v1/models",
        "/openapi.json",
        "/v1/models/bag/classify",
    ):
        answer = client.head(path)
        assert answer.status_code == 200 and not answer.content
        assert answer.headers["content-type"] == client.get(path).headers["content-type"]
