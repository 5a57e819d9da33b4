"""What stands before the endpoints: ids, traces, the access log, keys and other origins."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from repertoire.runtime.errors import InvalidInput
from serving.app import create_app, main
from serving.http import keys as keys_module
from serving.http import tracing
from serving.http.access import AccessLog
from serving.http.front import Front
from serving.http.keys import Keys
from serving.service import Service

ASK = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}
INFER = "/v2/models/double/infer"
LOAD = "/v2/repository/models/double/load"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ADMIN_KEY, INFER_KEY, PLAIN_KEY = "a" * 16, "b" * 17, "c" * 19


def started(service: Service, **front: Any) -> TestClient:
    app = create_app(service, poll_seconds=3600, front=Front(**front))
    return TestClient(app, raise_server_exceptions=False)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"# who\nadmin:{ADMIN_KEY}\n\n  infer:{INFER_KEY}\n{PLAIN_KEY}\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("path", [INFER, "/v1/models/bigram/score", "/v2/health/live", "/nothing"])
def test_a_sane_id_of_the_client_is_answered_whatever_is_asked(
    client: TestClient, path: str
) -> None:
    answer = client.post(path, json=ASK, headers={"X-Request-Id": "order-7/3:x@y+z=_."})
    assert answer.headers["x-request-id"] == "order-7/3:x@y+z=_."


@pytest.mark.parametrize("given", [None, "", "a b", 'x"y', "a\tb", "é", "a" * 129, "{}"])
def test_an_id_that_is_missing_or_odd_is_replaced_by_a_fresh_one(
    client: TestClient, given: str | None
) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode("latin-1")}
    found = [client.get("/v2", headers=headers).headers["x-request-id"] for _ in range(3)]
    assert len(set(found)) == 3
    assert all(re.fullmatch("[0-9a-f]{20}", each) for each in found)


def test_an_internal_error_names_the_id_of_its_request_in_answer_and_log(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(service.plane, "submit", broken)
    with started(service) as client:
        answer = client.post(INFER, json=ASK, headers={"X-Request-Id": "seven-11"})
    assert answer.status_code == 500 and answer.headers["x-request-id"] == "seven-11"
    assert "seven-11" in answer.json()["error"]
    assert "seven-11" in caplog.text and "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "parent",
    [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-later"],
)
def test_a_trace_goes_on_with_a_span_of_its_own(client: TestClient, parent: str) -> None:
    found = client.get("/v2", headers={"traceparent": parent}).headers["traceparent"]
    version, trace, span, flags = found.split("-")
    assert (version, trace, flags) == ("00", TRACE, parent.split("-")[3])
    assert re.fullmatch("[0-9a-f]{16}", span) and span != PARENT


@pytest.mark.parametrize(
    "parent",
    [
        "",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}",
    ],
)
def test_a_trace_that_is_none_is_not_answered(client: TestClient, parent: str) -> None:
    assert "traceparent" not in client.get("/v2", headers={"traceparent": parent}).headers


def test_each_request_is_one_line_of_json_that_says_what_happened(service: Service) -> None:
    lines: list[bytes] = []
    with started(service, access_log=AccessLog(lines.append)) as client:
        traced = {"X-Request-Id": "one", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = client.post(INFER + "?secret=5", json=ASK, headers=traced)
        client.get("/v2/models/nobody%0Anothing")
    first, second = (json.loads(line) for line in lines)
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    model = service.repository.model("double")
    assert {k: v for k, v in first.items() if k not in ("time", "ms", "span")} == {
        "id": "one",
        "method": "POST",
        "path": INFER,
        "model": "double",
        "version": model.version,
        "status": 200,
        "bytes": len(answer.content),
        "trace": TRACE,
    }
    assert answer.headers["traceparent"] == f"00-{TRACE}-{first['span']}-01"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert 0 < first["ms"] < 10_000
    assert (second["status"], second["model"], second["method"]) == (404, "", "GET")


def test_an_access_log_that_cannot_be_written_says_so_once_and_requests_go_on(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: bytes) -> None:
        raise OSError(28, os.strerror(28))

    with started(service, access_log=AccessLog(full)) as client:
        assert [client.post(INFER, json=ASK).status_code for _ in range(3)] == [200] * 3
    assert [r.message for r in caplog.records if "access log" in r.message] == [
        "the access log ends here: it cannot be written (No space left on device)"
    ]


def test_a_span_of_opentelemetry_has_the_parent_that_was_sent_and_what_was_answered(
    service: Service,
) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with started(service, tracer=tracing.Tracer(provider)) as client:
        sent = client.post(INFER, json=ASK, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        alone = client.get("/v2")
    first, second = kept.get_finished_spans()
    assert f"{first.context.trace_id:032x}" == TRACE
    assert first.parent is not None and f"{first.parent.span_id:016x}" == PARENT
    assert first.attributes is not None and first.attributes["http.response.status_code"] == 200
    assert first.attributes["model"] == "double"
    assert sent.headers["traceparent"] == f"00-{TRACE}-{first.context.span_id:016x}-01"
    assert second.parent is None
    assert f"{second.context.trace_id:032x}" in alone.headers["traceparent"]


def test_without_a_place_for_spans_there_is_no_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert tracing.configured() is None


def test_a_key_is_admin_infer_or_not_known(key_file: Path) -> None:
    keys = Keys(key_file)
    found = [keys.kind(key.encode()) for key in (ADMIN_KEY, INFER_KEY, PLAIN_KEY, "d" * 16, "")]
    assert found == ["admin", "infer", "admin", None, None]
    assert keys.kind(f"admin:{ADMIN_KEY}".encode()) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "holds no key"),
        ("# none\n\n", "holds no key"),
        (f"{PLAIN_KEY}\nshort", "line 2: a key is 16 or more visible ASCII characters"),
        ("two words of a key", "line 1: a key is"),
        ("이것은열여섯글자가되는열쇠입니다요", "line 1: a key is"),
    ],
)
def test_a_file_without_keys_or_with_a_weak_one_is_refused(
    tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "keys").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=line) as refused:
        Keys(tmp_path / "keys")
    assert "short" not in str(refused.value)
    with pytest.raises(InvalidInput, match=r"cannot be read \(No such file"):
        Keys(tmp_path / "none")


def test_keys_that_others_may_read_are_warned_of(
    key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Keys(key_file)
    assert not caplog.records
    key_file.chmod(0o640)
    Keys(key_file)
    assert "chmod 600" in caplog.text


def test_changed_keys_count_and_a_damaged_file_leaves_them(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keys_module, "_LOOK_SECONDS", 0)
    keys = Keys(key_file)
    key_file.write_text(f"infer:{ADMIN_KEY}\n", encoding="utf-8")
    assert keys.kind(ADMIN_KEY.encode()) == "infer" and keys.kind(INFER_KEY.encode()) is None
    key_file.write_text("short\n", encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        assert [keys.kind(ADMIN_KEY.encode()) for _ in range(3)] == ["infer"] * 3
    assert len(caplog.records) == 1 and "stay as they were" in caplog.text


def test_only_an_admin_changes_a_server_with_keys_and_anybody_asks_it(
    service: Service, key_file: Path
) -> None:
    with started(service, keys=Keys(key_file)) as client:
        assert client.post(INFER, json=ASK).status_code == 200
        refused = client.post(LOAD)
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer KEY" in refused.json()["error"]
        assert client.post(LOAD, headers=bearer("d" * 16)).status_code == 401
        assert client.post(LOAD, headers={"Authorization": ADMIN_KEY}).status_code == 401
        assert client.post(LOAD, headers=bearer(INFER_KEY)).status_code == 403
        assert client.post(LOAD, headers=bearer(ADMIN_KEY)).status_code == 200
        assert client.post(LOAD, headers=bearer(PLAIN_KEY)).status_code == 200


@pytest.mark.parametrize("path", ["double/load", "double/unload", "a%0Ab/load", "double/lo%61d"])
def test_without_keys_only_a_server_on_loopback_is_changed(service: Service, path: str) -> None:
    with started(service, local=False) as client:
        refused = client.post(f"/v2/repository/models/{path}")
        assert refused.status_code == 403 and "--keys FILE" in refused.json()["error"]
        assert client.post(INFER, json=ASK).status_code == 200
        assert client.post("/v2/repository/index").status_code == 200


def test_pages_of_other_sites_do_not_change_a_server_on_loopback(client: TestClient) -> None:
    assert client.post(LOAD).status_code == 200
    assert client.post(LOAD, headers={"Origin": "http://testserver"}).status_code == 200
    assert client.post(LOAD, headers={"Origin": "http://other.example"}).status_code == 403


def test_a_private_server_answers_nothing_but_its_health_without_a_key(
    service: Service, key_file: Path
) -> None:
    with started(service, keys=Keys(key_file), private=True) as client:
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/health/ready").status_code == 200
        for path in ("/", "/metrics", "/v2", "/v1/models", "/v2/models/double", "/nothing"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer(INFER_KEY)).status_code != 401
        assert client.post(INFER, json=ASK).status_code == 401
        assert client.post(INFER, json=ASK, headers=bearer(INFER_KEY)).status_code == 200
        assert client.post(LOAD, headers=bearer(INFER_KEY)).status_code == 403


def test_pages_of_the_origins_named_may_ask_and_others_may_not(
    service: Service, key_file: Path
) -> None:
    named, asked = "https://page.example:8443", {"Access-Control-Request-Method": "POST"}
    with started(service, keys=Keys(key_file), private=True, origins=[named]) as client:
        for origin, allowed in ((named, named), ("https://page.example", None)):
            before = client.options(INFER, headers={"Origin": origin, **asked})
            assert before.headers.get("access-control-allow-origin") == allowed
            refused = client.post(INFER, json=ASK, headers={"Origin": origin})
            assert refused.status_code == 401  # and the page may read why
            assert refused.headers.get("access-control-allow-origin") == allowed


def test_no_page_of_another_origin_may_ask_unless_told(client: TestClient) -> None:
    answer = client.post(INFER, json=ASK, headers={"Origin": "https://page.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["*", "page.example", "https://page.example/", "ftp://page.example", "https://", " "]
)
def test_what_is_no_origin_is_refused_in_one_line(
    origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"--cors={origin}"])
    line = capsys.readouterr().err
    assert line.startswith("error: argument --cors: ") and len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("extra", "line"),
    [(["--private"], "--private needs --keys FILE"), (["--keys", "/none"], "--keys /none cannot")],
)
def test_keys_that_are_missing_end_the_start_in_one_line(
    extra: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", *extra]) == 1
    assert capsys.readouterr().err.startswith(f"error: {line}")


def test_all_keys_are_compared_whichever_fits(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, compared = Keys(key_file), list[bytes]()
    original: Callable[[bytes, bytes], bool] = keys_module.hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return original(one, other)

    monkeypatch.setattr(keys_module.hmac, "compare_digest", counted)
    begun = time.monotonic()
    for key in (ADMIN_KEY, PLAIN_KEY, "d" * 16):
        compared.clear()
        keys.kind(key.encode())
        assert len(compared) == 3
    assert time.monotonic() - begun < 5
