"""Counts that Prometheus reads, with labels that no client can choose."""

from __future__ import annotations

from pathlib import Path

import pytest
import standins
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from serving.service import Service

ASK = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(client: TestClient, name: str, **labels: str) -> float:
    """The sum over the samples that have these labels."""
    found = samples(client).items()
    return sum(v for (n, held), v in found if n == name and labels.items() <= dict(held).items())


def test_requests_errors_latencies_and_runs_are_counted_by_model_and_version(
    client: TestClient, service: Service
) -> None:
    for _ in range(3):
        assert client.post("/v2/models/double/infer", json=ASK).status_code == 200
    assert client.post("/v2/models/double.scale/infer", json=ASK).status_code == 200
    assert client.post("/v2/models/double/infer", json={}).status_code == 400
    assert client.post("/v1/models/bigram/score", json={"text": ["a b", "c"]}).status_code == 200
    double = {"model": "double", "version": service.repository.model("double").version}
    requests = "repertoire_requests_total"
    assert value(client, requests, **double, endpoint="infer", status="200") == 4
    assert value(client, requests, **double, endpoint="infer", status="400") == 1
    assert value(client, requests, model="bigram", endpoint="score", status="200") == 1
    assert value(client, "repertoire_request_seconds_count", **double) == 5
    assert value(client, "repertoire_request_seconds_bucket", **double, le="+Inf") == 5
    assert value(client, "repertoire_runs_total", **double, graph="scale") == 4
    assert value(client, "repertoire_run_rows_sum", **double) == 4
    assert value(client, "repertoire_queue_wait_seconds_count", **double) == 4
    assert value(client, "repertoire_run_rows_sum", model="bigram") == 2
    assert value(client, "repertoire_queue_length") == 0
    assert value(client, "repertoire_models") == 5
    assert value(client, "process_resident_memory_bytes") > 2**20


def test_texts_of_the_generate_extension_are_no_metadata(client: TestClient) -> None:
    asked = {"text_input": "a", "parameters": {"max_tokens": 3}}
    for path in ("generate", "generate_stream", "versions/{}/generate"):
        version = client.get("/v2/models/bigram").json()["versions"][0]
        assert client.post(f"/v2/models/bigram/{path.format(version)}", json=asked).is_success
    counted = {"name": "repertoire_requests_total", "model": "bigram", "status": "200"}
    assert value(client, **counted, endpoint="generate") == 2
    assert value(client, **counted, endpoint="generate_stream") == 1
    assert value(client, **counted, endpoint="metadata") == 3


def test_what_is_not_served_makes_no_series_of_its_own(client: TestClient) -> None:
    paths = ("/v2/models/{}/infer", "/v1/models/{}/score", "/v1/models/bigram/{}", "/{}", "/v2/{}")
    paths = (*paths, "/v2/models/{}/ready", "/v2/models/double/versions/{}/infer")
    for path in paths:
        client.post(path.format("first"), json=ASK)
    assert samples(client)  # which makes the series of asking for them
    before = set(samples(client))
    for number in range(7):
        for path in paths:
            client.post(path.format(f"name-{number}"), json=ASK)
    assert set(samples(client)) == before
    assert value(client, "repertoire_requests_total", model="", endpoint="infer") == 8


def test_a_version_that_is_served_no_more_is_dropped(
    client: TestClient, service: Service, models: Path
) -> None:
    client.post("/v2/models/double/infer", json=ASK)
    old = service.repository.model("double").version
    assert value(client, "repertoire_runs_total", version=old) == 1
    standins.doubling(models / "double", factor=3)
    service.repository.refresh()
    client.post("/v2/models/double/infer", json=ASK)
    new = service.repository.model("double").version
    assert value(client, "repertoire_requests_total", version=new, endpoint="infer") == 1
    assert value(client, "repertoire_runs_total", version=new) == 1
    assert not [labels for _, labels in samples(client) if old in dict(labels).values()]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("*/*", "text/plain"), ("application/openmetrics-text", "application/openmetrics-text")],
)
def test_prometheus_gets_the_format_that_it_asks_for(
    client: TestClient, accept: str, kind: str
) -> None:
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
