"""The end of a real server: what has begun is answered, nothing new is let in."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import standins
from processes import ASK, get, serving, until
from starlette.testclient import TestClient

from serving.service import Service

BODY = json.dumps(ASK).encode()
HEAD = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def connected(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_and_streams_in_flight_are_answered_and_the_status_is_0(
    models: Path, number: signal.Signals
) -> None:
    standins.lstm(models / "large", words=9973, width=211)
    body = {"prompt": "w1 w2", "max_tokens": 499, "seed": 3, "stream": True, "stop_at_end": False}
    asked = json.dumps(body).encode()
    stream = b"POST /v1/models/large/generate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    with serving("--models", models) as (port, process, log):
        until(lambda: get(port, "/v2/health/live")["live"])
        idle = connected(port, b"")
        half = connected(port, HEAD % len(BODY) + BODY[:11])
        long = connected(port, stream % len(asked) + asked)
        beginning = long.recv(1000)
        process.send_signal(number)
        until(lambda: refuses(port), 3)
        assert rest(idle) == b"" and process.poll() is None
        half.sendall(BODY[11:])
        answer = rest(half)
        assert answer.startswith(b"HTTP/1.1 200") and b"[14.0]" in answer
        streamed = beginning + rest(long)
        assert streamed.count(b"event: token") == 499 and b"event: done" in streamed
        assert streamed.endswith(b"0\r\n\r\n")
        assert process.wait(5) == 0
        assert "Traceback" not in log.read_text()


def test_a_second_signal_ends_at_once(models: Path) -> None:
    with serving("--models", models) as (port, process, _):
        until(lambda: get(port, "/v2/health/live")["live"])
        half = connected(port, HEAD % len(BODY))
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        until(lambda: refuses(port), 3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(1) == 128 + signal.SIGTERM
        half.close()


def test_a_signal_ends_a_server_that_still_loads_its_models(models: Path) -> None:
    """The system would pass it over for process 1 of a container, which has no such default."""
    graph = models / "double/onnx/scale.onnx"
    graph.unlink()
    os.mkfifo(graph)  # whoever reads it waits
    with serving("--models", models) as (_, process, log):
        until(lambda: "model bigram: version" in log.read_text())
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 128 + signal.SIGTERM
        assert "Traceback" not in log.read_text()


def test_a_request_that_never_ends_is_answered_at_its_deadline(models: Path) -> None:
    with serving("--deadline", "1.3", "--models", models) as (port, process, _):
        until(lambda: get(port, "/v2/health/live")["live"])
        half = connected(port, HEAD % len(BODY))
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert rest(half).startswith(b"HTTP/1.1 504")
        assert process.wait(5) == 0


def test_a_server_that_drains_is_not_ready(client: TestClient, service: Service) -> None:
    assert client.get("/v2/health/ready").status_code == 200
    service.draining = True
    answer = client.get("/v2/health/ready")
    assert answer.status_code == 503 and answer.json()["ready"] is False
    assert client.get("/v2/health/live").status_code == 200
