"""The OpenAPI document: every endpoint is in it, and the server does what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import families
import hypothesis
import jsonschema_rs
import live
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.routing import Route
from starlette.testclient import TestClient

from repertoire.runtime.tasks import TASKS
from serving.app import create_app
from serving.openapi.described import MARK
from serving.openapi.document import guarded
from serving.service import Service

ANNOUNCED = {501, 503, 504}
TRIED = 3  # requests of an operation, of those that fit its schema and of those that do not


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return families.every(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="module")
def every(root: Path) -> Iterator[Service]:
    service = live.service_of(root)
    yield service
    service.plane.close()


@pytest.fixture(scope="module")
def port(root: Path) -> Iterator[int]:
    with live.running(live.service_of(root)) as port:
        yield port


@pytest.fixture(scope="module")
def asked(every: Service) -> TestClient:
    return TestClient(create_app(every, poll_seconds=3600), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def whole(asked: TestClient) -> Any:
    return asked.get("/openapi.json").json()


def test_no_route_lacks_a_description(asked: TestClient, whole: Any) -> None:
    routes = routes_of(asked)
    assert len(routes) > 40
    for route in routes:
        assert hasattr(route.endpoint, MARK), f"{route.path}: described by nothing"
        summary = (route.endpoint.__doc__ or "").partition("\n")[0]
        assert summary.endswith("."), f"{route.path}: no sentence says what it does"
        path = route.path.replace("{task}", "score")
        assert {m.lower() for m in route.methods - {"HEAD"}} <= whole["paths"][path].keys()


def routes_of(client: TestClient) -> list[Route]:
    """All routes of the application, below whatever guards it."""
    app: Any = client.app
    while not hasattr(app, "routes"):
        app = next(each for name in ("app", "others", "_app") if (each := getattr(app, name, None)))
    return [route for route in app.routes if isinstance(route, Route)]


def test_the_documents_are_openapi(asked: TestClient, whole: Any, every: Service) -> None:
    own = [asked.get("/openapi.json", params={"model": n}).json() for n in every.repository.models]
    names = [op["operationId"] for item in whole["paths"].values() for op in item.values()]
    assert len(names) == len(set(names))
    for document in (whole, *own):
        assert document["openapi"] == "3.1.0"
        schemathesis.openapi.from_dict(document).validate()
        for schema in schemas(document["paths"]):
            jsonschema_rs.meta.validate(schema)


def schemas(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        if isinstance(part.get("schema"), dict) and "$ref" not in part["schema"]:
            yield {"$schema": "https://json-schema.org/draft/2020-12/schema", **part["schema"]}
        for each in part.values():
            yield from schemas(each)


def test_every_task_has_its_address_and_names_the_models_that_have_it(whole: Any) -> None:
    for name, task in TASKS.items():
        item = whole["paths"][f"/v1/models/{{name}}/{name}"]
        assert item["post"]["summary"] == task.description.partition("\n")[0]
        assert item["post"]["parameters"] == item["get"]["parameters"]
    assert whole["paths"]["/v1/models/{name}/forecast"]["post"]["parameters"][0]["schema"] == {
        "type": "string",
        "enum": ["course", "pair"],
    }


def test_a_document_of_one_model_has_its_ports_and_its_own_bounds(asked: TestClient) -> None:
    paths = asked.get("/openapi.json", params={"model": "tinted"}).json()["paths"]
    assert "/v1/models/tinted/blend" in paths and "/v1/models/tinted/score" not in paths
    body = content(paths["/v1/models/tinted/blend"])["schema"]["properties"]
    assert body["into"]["anyOf"][0] == {"type": "integer", "minimum": 0, "maximum": 2}
    schema = content(paths["/v2/models/tinted.encode/infer"])["schema"]
    valid = jsonschema_rs.validator_for(schema).is_valid
    images = {"name": "images", "datatype": "UINT8", "shape": [1, 2, 3], "data": [7] * 6}
    labels = {"name": "labels", "datatype": "INT64", "shape": [1], "data": [2]}
    assert valid({"inputs": [images, labels]})
    for wrong in ({"shape": [1, 3, 2]}, {"data": [256] * 6}, {"datatype": "BYTES"}, {"name": "x"}):
        assert not valid({"inputs": [{**images, **wrong}, labels]})
    assert not valid({"inputs": [images]}) and not valid({"inputs": [images, labels], "x": 1})
    bigram = asked.get("/openapi.json", params={"model": "bigram"}).json()["paths"]
    fields = content(bigram["/v1/models/bigram/generate"])["schema"]["properties"]
    assert fields["top_k"]["maximum"] == 5, "as many as the graph has tokens"
    refused = asked.get("/openapi.json", params={"model": "nobody"})
    assert refused.status_code == 404 and "nobody" in refused.json()["error"]


def content(item: Any) -> Any:
    return item["post"]["requestBody"]["content"]["application/json"]


def test_a_document_is_written_once_for_the_models_of_now(
    models: Path, client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/openapi.json")
    monkeypatch.setattr("serving.openapi.endpoint.document", lambda *_: {"written": "again"})
    assert client.get("/openapi.json").content == first.content
    service.repository.unload("double")
    assert client.get("/openapi.json").json() == {"written": "again"}


def test_a_private_server_says_that_it_needs_a_key(whole: Any) -> None:
    told = guarded(json.loads(json.dumps(whole)))["paths"]
    assert "401" not in told["/v2/health/live"]["get"]["responses"]
    for path in ("/v2/models", "/v1/models/{name}/score", "/openapi.json"):
        for operation in told[path].values():
            assert operation["security"] == [{"key": []}] and "401" in operation["responses"]
    assert "401" not in whole["paths"]["/v2/models"]["get"]["responses"]


def operations(document: Any, port: int) -> Iterator[Any]:
    """All but `unload`, after which nothing would be left to ask."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://127.0.0.1:{port}")
    for found in schema.get_all_operations():
        if not found.ok().path.endswith("/unload"):
            yield found.ok()


def tried(operation: Any, mode: schemathesis.GenerationMode) -> set[int]:
    """The statuses of some requests, each of which is checked against the document."""
    statuses = set()

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=TRIED,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(timeout=40)
        statuses.add(answer.status_code)
        assert answer.status_code < 500 or answer.status_code in ANNOUNCED, answer.text
        # What fits the schema may still not fit the model, such as words that it does not know.
        case.validate_response(
            answer, excluded_checks=[not_a_server_error, positive_data_acceptance]
        )
        if answer.status_code >= 400:
            line = answer.json()["error"] if answer.status_code != 503 else ""
            assert "\n" not in line and len(line) < 500, line

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        return statuses  # no request to it is bad
    return statuses


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.name)
def test_the_server_does_what_its_document_says(
    mode: schemathesis.GenerationMode, whole: Any, port: int
) -> None:
    for operation in operations(whole, port):
        if "501" in operation.definition.raw["responses"]:
            continue  # they all answer the same to anything
        tried(operation, mode)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.name)
def test_models_do_what_their_own_documents_say(
    mode: schemathesis.GenerationMode, asked: TestClient, every: Service, port: int
) -> None:
    statuses = set()
    for name in every.repository.models:
        document = asked.get("/openapi.json", params={"model": name}).json()
        for operation in operations(document, port):
            statuses |= tried(operation, mode)
    assert statuses >= ({200, 422} if mode is schemathesis.GenerationMode.POSITIVE else {400})
