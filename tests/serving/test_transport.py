"""What clients may do to a connection, over real sockets."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live import exchange, running, service_of

from serving.http import transport
from serving.service import Service

TENSOR = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [2, 3, 5]}
BODY = json.dumps({"inputs": [TENSOR]}).encode()
PATH = "/v2/models/double/infer"
OFFER = (
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
)
LENGTH = f"Content-Length: {len(BODY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
LIMIT = 100_000


@pytest.fixture(scope="module")
def service(stock: Path) -> Iterator[Service]:
    made = service_of(stock, body=LIMIT, seconds=3.0)
    yield made
    made.plane.close()


@pytest.fixture(scope="module")
def port(service: Service) -> Iterator[int]:
    with running(service) as port:
        yield port


def head(*fields: str, method: str = "POST", path: str = PATH) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{''.join(fields)}\r\n".encode()


@pytest.mark.parametrize("offer", [OFFER, "Connection: Upgrade\r\nUpgrade: websocket\r\n"])
@pytest.mark.parametrize(
    "parts",
    [(LENGTH, BODY), (CHUNKED, CHUNKS)],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("pieces", [1, 2])
def test_an_offer_to_upgrade_is_passed_over(
    port: int, offer: str, parts: tuple[str, bytes], pieces: int
) -> None:
    sent = [head(offer, parts[0]), parts[1]]
    answer = exchange(port, *(sent if pieces == 2 else [b"".join(sent)]), end=b"}]}")
    assert answer.startswith(b"HTTP/1.1 200") and b"[4.0,6.0,10.0]" in answer
    assert b"connection: close" not in answer.lower()


def test_requests_after_an_offer_are_answered_on_the_same_connection(port: int) -> None:
    asked = head(OFFER, LENGTH) + BODY + head(LENGTH) + BODY + head(OFFER, LENGTH) + BODY
    last = head("Connection: close, Upgrade\r\nUpgrade: h2c\r\n", LENGTH) + BODY
    answer = exchange(port, asked + last)
    assert answer.count(b"HTTP/1.1 200") == answer.count(b"[4.0,6.0,10.0]") == 4


def test_a_tunnel_is_refused(port: int) -> None:
    answer = exchange(port, b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\nsecret")
    assert answer.startswith(b"HTTP/1.1 405") and b'{"error":"CONNECT is for proxies' in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"\x00\xff\x00",
        "GET /v2/models/한글 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        head(CHUNKED) + b"no size\r\n",
        head(LENGTH, CHUNKED) + CHUNKS,
        head("Content-Length: 7\r\nContent-Length: 11\r\n") + b"1234567",
    ],
)
def test_what_is_no_request_is_refused_as_json_without_a_line_in_the_log(
    port: int, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = exchange(port, sent)  # which returns when the connection has ended
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'{"error":"this is no request of HTTP/1.1' in answer


def test_an_answer_under_way_is_not_lost_to_nonsense_that_follows(port: int) -> None:
    answer = exchange(port, head(LENGTH) + BODY + b"\x00\x00")
    assert answer.count(b"HTTP/1.1") == 1 and answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"}]}")


@pytest.mark.parametrize("sent", [b"", b"\r\n", head(LENGTH)[:-2]])
def test_a_head_that_does_not_end_is_cut_off(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HEAD_SECONDS", 0.3)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        seen = b""
        while True:  # a client that sends a header now and then
            connection.settimeout(0.1)
            try:
                more = connection.recv(1000)
                if not more:
                    break
                seen += more
            except TimeoutError:
                if len(sent) > 2:
                    connection.sendall(b"X-A: b\r\n")
            assert time.monotonic() - begun < 3
    assert seen.startswith(b"HTTP/1.1 408") if len(sent) > 2 else seen == b""


def test_the_head_of_a_second_request_has_the_same_time(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HEAD_SECONDS", 0.3)
    begun = time.monotonic()
    answer = exchange(port, head(LENGTH) + BODY, head(LENGTH)[:-2])
    assert answer.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in answer
    assert time.monotonic() - begun < 3


def test_endless_headers_are_refused(port: int) -> None:
    answer = exchange(port, head(LENGTH)[:-2] + b"X-A: " + b"b" * transport.HEAD_BYTES)
    assert answer.startswith(b"HTTP/1.1 431")
    many = b"".join(b"X-%d: b\r\n" % number for number in range(7919))
    assert exchange(port, head(LENGTH)[:-2] + many).startswith(b"HTTP/1.1 431")


def too_long(port: int, path: str, *, chunked: bool) -> int:
    body = b" " * (12 * 2**20)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    pieces = (body[start : start + 2**16] for start in range(0, len(body), 2**16))
    if chunked:
        connection.request("POST", path, pieces, encode_chunked=True, headers=CHUNKED_HEADER)
    else:
        connection.request("POST", path, body)
    answer = connection.getresponse()
    assert b"longer than 100000 bytes" in answer.read()
    connection.close()
    return answer.status


CHUNKED_HEADER = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("path", [PATH, "/v1/models/bigram/score"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_can_read_why(port: int, path: str, chunked: bool) -> None:
    assert [too_long(port, path, chunked=chunked) for _ in range(3)] == [413] * 3


def test_what_is_read_of_a_refused_body_has_a_bound(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REST_BYTES", 2**20)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head("Content-Length: 1000000000\r\n"))
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(b" " * 2**20)


@pytest.mark.parametrize("path", ["/v2/models/nobody/infer", PATH])
def test_a_refused_body_that_stops_is_not_waited_for(
    port: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REST_SECONDS", 0.3)
    begun = time.monotonic()
    answer = exchange(port, head(f"Content-Length: {LIMIT * 7}\r\n", path=path), b" ", b" ")
    assert answer.startswith(b"HTTP/1.1 4") and time.monotonic() - begun < 3


def test_a_refused_body_that_comes_whole_leaves_the_connection_usable(port: int) -> None:
    refused = head("Content-Length: 7\r\n", path="/v2/models/nobody/infer")
    answer = exchange(port, refused, b"123", b"4567" + head(LENGTH) + BODY, end=b"}]}")
    assert answer.startswith(b"HTTP/1.1 404") and b"[4.0,6.0,10.0]" in answer


@pytest.mark.parametrize("path", [PATH, "/v1/models/bigram/score", "/v2/repository/index"])
def test_a_client_that_hangs_up_in_its_body_is_no_error(
    port: int, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(head("Content-Length: 5000\r\n", path=path) + b"{")
                time.sleep(0.02)
        time.sleep(0.2)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_client_that_hangs_up_takes_its_request_out_of_the_queue(
    port: int, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = []
    submit = service.plane.submit

    def kept(*arguments: object) -> object:
        future = submit(*arguments)
        submitted.append(future)
        return future

    model = service.repository.model("double")
    graph = model.manifest.graph("scale")
    service.plane._busy.add(graph.sha256)  # as if it ran for long
    monkeypatch.setattr(service.plane, "submit", kept)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head(LENGTH) + BODY)
        time.sleep(0.1)
    time.sleep(0.1)
    assert [future.cancelled() for future in submitted] == [True]
    service.plane._release(graph)


def test_the_body_may_come_in_pieces_and_after_a_pause_that_the_server_asks_for(
    port: int,
) -> None:
    answer = exchange(
        port, head("Expect: 100-continue\r\n", LENGTH), BODY[:7], BODY[7:], end=b"}]}"
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue") and b"HTTP/1.1 200 OK" in answer


def test_a_body_that_stops_is_ended_by_the_deadline(port: int) -> None:
    begun = time.monotonic()
    answer = exchange(port, head(LENGTH) + BODY[:7], end=b"}")
    assert answer.startswith(b"HTTP/1.1 504") and time.monotonic() - begun < 6


def test_values_survive_all_of_it(port: int) -> None:
    answer = exchange(port, head(OFFER, LENGTH) + BODY, end=b"}]}")
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert np.array_equal(document["outputs"][0]["data"], [4, 6, 10])


def test_a_connection_is_reset_at_its_end_if_its_answer_was_not_read() -> None:
    class Wire:
        def __init__(self, unsent: int) -> None:
            self.unsent, self.calls = unsent, []

        def get_write_buffer_size(self) -> int:
            return self.unsent

        def __getattr__(self, name: str):
            return lambda: self.calls.append(name)

    for unsent, call in ((7, "abort"), (0, "close")):
        connection = transport.Protocol.__new__(transport.Protocol)
        connection.transport = Wire(unsent)
        connection.timeout_keep_alive_handler()
        assert connection.transport.calls == [call]
