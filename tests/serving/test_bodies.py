"""Bodies within bounds, and their codings."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import numpy as np
import pytest
from starlette.testclient import TestClient

from repertoire.runtime.errors import Malformed, TooLarge
from serving.http.bodies import preferred, unpacked

INFER = "/v2/models/double/infer"


def raw_deflate(content: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(content) + packing.flush()


CODINGS = [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)]


def question(values: np.ndarray, **more: object) -> bytes:
    tensor = {"name": "x", "datatype": "FP32", "shape": values.shape, "data": values.tolist()}
    return json.dumps({"inputs": [tensor], **more}).encode()


@pytest.mark.parametrize(("coding", "pack"), CODINGS)
def test_a_packed_request_is_answered_by_infer_and_by_tasks(
    client: TestClient, coding: str, pack
) -> None:
    headers = {"Content-Encoding": coding}
    packed = pack(question(np.full((2, 3), 7.0)))
    answer = client.post(INFER, content=packed, headers=headers).json()
    assert answer["outputs"][0]["data"] == [14] * 6
    text = pack(b'{"text": "a b"}')
    scored = client.post("/v1/models/bigram/score", content=text, headers=headers)
    assert scored.json()["results"][0]["tokens"] == ["a", "b", "<eos>"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_long_answer_is_packed_as_the_client_accepts(client: TestClient, coding: str) -> None:
    values = np.arange(1001, dtype=np.float32)[None]  # longer than what is sent as it is
    binary = {"parameters": {"binary_data_output": True}}
    for more in ({}, binary):
        content = question(values, **more)
        whole = client.post(INFER, content=content, headers={"Accept-Encoding": "identity"})
        answer = client.post(INFER, content=content, headers={"Accept-Encoding": coding})
        assert answer.headers["Content-Encoding"] == coding
        assert int(answer.headers["Content-Length"]) < len(whole.content)
        assert answer.content == whole.content  # the client has unpacked it
        name = "Inference-Header-Content-Length"
        assert answer.headers.get(name) == whole.headers.get(name)
    short = client.post(INFER, content=question(np.ones((1, 3))))
    assert "Content-Encoding" not in short.headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("deflate, gzip", "gzip"),
        ("gzip;q=0.3, deflate;q=0.7", "deflate"),
        ("gzip; q=0", None),
        ("*", "gzip"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("br", None),
        ("gzip;q=much", None),
        ("", None),
    ],
)
def test_the_coding_is_the_one_that_a_client_prefers(accepted: str, coding: str | None) -> None:
    assert preferred(accepted) == coding


@pytest.mark.parametrize(("coding", "pack"), CODINGS)
def test_a_body_that_unpacks_to_more_than_the_limit_is_refused(
    client: TestClient, coding: str, pack
) -> None:
    bomb = pack(b" " * 50_000_000)
    assert len(bomb) < 100_000  # the limit of this server
    refused = client.post(INFER, content=bomb, headers={"Content-Encoding": coding})
    assert refused.status_code == 413
    assert "the unpacked body is longer than 100000 bytes" in refused.json()["error"]


def test_of_a_bomb_no_more_is_unpacked_than_the_limit() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unpacked(bomb, "gzip", 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_limit_is_kept_to_the_byte() -> None:
    packed = gzip.compress(b"7" * 1009, mtime=0)
    assert len(unpacked(packed, "gzip", 1009)) == 1009
    with pytest.raises(TooLarge):
        unpacked(packed, "gzip", 1008)


@pytest.mark.parametrize(
    ("content", "coding", "line"),
    [
        (b"{}", "gzip", "the body is no gzip"),
        (b"\xff", "deflate", "the body is no deflate"),
        (gzip.compress(b"7" * 1009, mtime=0)[:-11], "gzip", "is cut short"),
        (gzip.compress(b"7", mtime=0) + b"more", "gzip", "4 bytes follow the gzip"),
        (b"", "gzip", "is cut short"),
    ],
)
def test_a_body_that_is_not_what_its_coding_says_is_refused(
    content: bytes, coding: str, line: str
) -> None:
    with pytest.raises(Malformed, match=line):
        unpacked(content, coding, 10_000)


def test_a_coding_that_is_not_known_is_refused_with_those_that_are(client: TestClient) -> None:
    for path in (INFER, "/v1/models/bigram/score"):
        refused = client.post(path, content=b"{}", headers={"Content-Encoding": "br"})
        assert refused.status_code == 415 and "send gzip, deflate" in refused.json()["error"]
        assert refused.headers["Accept-Encoding"] == "gzip, deflate"
