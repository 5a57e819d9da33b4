"""The protocol beside `infer`, over the application; test_triton_client.py has a client's view."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from repertoire.runtime import tasks
from repertoire.runtime.tasks.language import Score, Scored
from serving.app import main
from serving.service import Service


def broken(models: Path, name: str) -> None:
    (models / name / "manifest.json").write_text("{}")


def test_the_server_is_ready_once_every_model_is(
    client: TestClient, service: Service, models: Path
) -> None:
    assert client.get("/v2/health/ready").json() == {"ready": True, "problems": {}}
    (models / "nonsense").mkdir()
    broken(models, "nonsense")
    service.repository.refresh()
    refused = client.get("/v2/health/ready")
    assert refused.status_code == 503 and refused.json()["ready"] is False
    assert "lacks the field" in refused.json()["problems"]["nonsense"]
    assert client.get("/v2/models/double/ready").is_success  # whoever is ready is served
    assert client.get("/v2/models/nonsense/ready").status_code == 404
    service.ready = "any"
    assert client.get("/v2/health/ready").json()["ready"] is True


def test_a_model_whose_older_version_stays_in_service_is_ready(
    client: TestClient, service: Service, models: Path
) -> None:
    broken(models, "double")
    service.repository.refresh()
    answer = client.get("/v2/health/ready")
    assert answer.is_success and "stays in service" in answer.json()["problems"]["double"]


@pytest.mark.parametrize("ready", ["all", "any"])
def test_without_a_model_the_server_is_not_ready(
    client: TestClient, service: Service, ready: str
) -> None:
    service.ready = ready
    for name in list(service.repository.models):
        client.post(f"/v2/repository/models/{name}/unload")
    assert client.get("/v2/health/ready").status_code == 503
    assert client.get("/v2/health/live").is_success


def test_what_ready_means_is_an_option_with_two_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--ready=some"])
    assert capsys.readouterr().err.startswith("error: argument --ready: ")


def test_an_unloaded_model_has_no_tasks_either(client: TestClient) -> None:
    assert client.post("/v2/repository/models/bigram.next/unload").json() == {
        "name": "bigram.next",
        "models": ["bigram.score", "bigram.next", "bigram.sample"],
    }
    refused = client.post("/v1/models/bigram/score", json={"text": "a"})
    assert refused.status_code == 404 and "load it to serve it again" in refused.json()["error"]
    assert client.post("/v2/repository/models/bigram.next/load").is_success
    assert client.post("/v1/models/bigram/score", json={"text": "a"}).is_success


def test_the_index_lists_those_that_are_ready_or_all(client: TestClient, models: Path) -> None:
    client.post("/v2/repository/models/double/unload")
    every = client.post("/v2/repository/index").json()
    [gone] = [each for each in every if each["state"] == "UNAVAILABLE"]
    assert gone["name"] == "double.scale" and "unloaded" in gone["reason"]
    only = client.post("/v2/repository/index", json={"ready": True}).json()
    assert only == [each for each in every if each["state"] == "READY"]
    refused = client.post("/v2/repository/index", json={"ready": "yes"})
    assert refused.status_code == 400


@pytest.mark.parametrize("verb", ["load", "unload"])
@pytest.mark.parametrize(
    ("name", "body", "status", "line"),
    [
        ("nobody", {}, 404, "there is no model 'nobody'"),
        ("double.other", {}, 404, "there is no graph 'other'"),
        ("double", {"parameters": {"config": "{}"}}, 400, "parameter config is not supported"),
        ("double", {"parameters": {"unload_dependents": 1}}, 400, "is true or false"),
        ("double", {"parameters": 7}, 400, "are an object"),
    ],
)
def test_a_bad_request_to_the_repository_changes_nothing(
    client: TestClient, verb: str, name: str, body: object, status: int, line: str
) -> None:
    refused = client.post(f"/v2/repository/models/{name}/{verb}", json=body)
    assert refused.status_code == status and line in refused.json()["error"]
    assert client.get("/v2/models/double/ready").is_success


@pytest.mark.parametrize("fields", [{"stream": "false"}, {"stream": 0}, {"stream": None}])
def test_stream_is_true_or_false(client: TestClient, fields: dict[str, object]) -> None:
    refused = client.post("/v1/models/bigram/generate", json={"prompt": "a", **fields})
    assert refused.status_code == 400 and "stream is true or false" in refused.json()["error"]


def test_an_answer_with_a_number_that_is_not_finite_is_refused_and_names_its_place(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer: list[dict[str, Any]] = [{"score": 7.0, "label": None}, {"score": math.nan, "a": "null"}]

    def broken(model: Any, run: Any, request: Score) -> list[Scored]:
        return cast("list[Scored]", answer)

    known = replace(tasks.TASKS["score"], answer=broken)
    monkeypatch.setattr(tasks, "TASKS", {**tasks.TASKS, "score": known})
    refused = client.post("/v1/models/bigram/score", json={"text": "a"})
    assert refused.status_code == 422
    assert "(results[1].score), which JSON cannot say" in refused.json()["error"]
    answer[1]["score"] = 11.0
    found = client.post("/v1/models/bigram/score", json={"text": "a"}).json()
    assert found == {"results": answer}


def test_an_address_that_is_none_and_a_wrong_method_say_what_to_do(client: TestClient) -> None:
    refused = client.get("/v3/models")
    assert refused.status_code == 404 and "nothing at /v3/models" in refused.json()["error"]
    refused = client.post("/v2/models/double", json={})
    assert refused.status_code == 405 and "POST is not for" in refused.json()["error"]
    assert "GET" in refused.headers["Allow"] and "GET" in refused.json()["error"]
    for path, allowed in (("/v1/models/a/score", "GET, HEAD, POST"), ("/page/x", "GET, HEAD")):
        refused = client.delete(path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "²", "1e3", ""])
def test_a_header_length_that_is_no_number_of_bytes_is_refused(
    client: TestClient, length: str
) -> None:
    headers = {"Inference-Header-Content-Length": length.encode("latin-1")}
    content = json.dumps({"inputs": []}).encode()
    refused = client.post("/v2/models/double/infer", content=content, headers=headers)
    assert refused.status_code == 400 and len(refused.json()["error"]) < 200


def test_the_model_of_the_body_is_that_of_the_address(client: TestClient) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [7]}
    for name, status in (("double", 200), (None, 200), ("mirror", 400), (7, 400)):
        body = {"model_name": name, "inputs": [tensor]}
        assert client.post("/v2/models/double/infer", json=body).status_code == status
