"""KServe's client, in an environment of its own: its pins keep it out of this project's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live import running, service_of

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def found(python: Path, stock: Path) -> Iterator[dict[str, Any]]:
    service = service_of(stock)
    with running(service) as port:
        command = [str(python), str(HERE / "kserve_calls.py"), f"http://127.0.0.1:{port}"]
        bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=bare
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])
    service.plane.close()


def test_health_and_readiness(found: dict[str, Any]) -> None:
    assert found["live"] is found["ready"] is found["model ready"] is True
    assert found["nobody ready"] is False


@pytest.mark.parametrize("way", ["json", "binary", "binary out", "half", "double", "whole"])
def test_infer_in_json_and_binary_and_other_datatypes(found: dict[str, Any], way: str) -> None:
    assert found[way] == [2, 4, 6, 10, 14, 22]


def test_a_long_answer_comes_packed_and_is_whole(found: dict[str, Any]) -> None:
    assert found["long"] == 2 * int((np.arange(2003) % 1000).sum())


def test_a_plain_document_is_answered_under_its_number(found: dict[str, Any]) -> None:
    assert found["plain"] == ["seven", [14.0]]


def test_errors_reach_the_caller_in_their_line(found: dict[str, Any]) -> None:
    assert "there is no model 'nobody'" in found["unknown"]
    assert "input x holds 11000.0; the most is 1000" in found["out of range"]
    assert "parameter priority of the request is not supported" in found["unsupported"]
