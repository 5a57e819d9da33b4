"""Long work has the time of a request for each of its runs, other work for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from repertoire.runtime import tasks
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Event, last
from repertoire.runtime.tasks.language import Generate, Generated
from serving.service import Service

SECONDS, RUNS = 0.5, 5
PAUSE = 0.2  # before a run: shorter than the deadline, and all of them are longer


def slowly(model: Model, run: Run, request: Generate) -> Iterator[Event]:
    for _ in range(RUNS):
        time.sleep(PAUSE)
        run("next", tokens=np.zeros((1, 1), np.int64))
    yield "done", {"finish": "length"}


def at_once(model: Model, run: Run, request: Generate) -> Generated:
    found: Generated = last(slowly(model, run, request))
    return found


@pytest.mark.parametrize(("events", "status"), [(slowly, 200), (None, 504)])
def test_the_deadline_begins_anew_with_each_run_of_work_that_goes_step_by_step(
    client: TestClient,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    events: Any,
    status: int,
) -> None:
    service.seconds = SECONDS
    slow = replace(tasks.TASKS["generate"], answer=at_once, events=events)
    monkeypatch.setattr(tasks, "TASKS", {**tasks.TASKS, "generate": slow})
    assert client.post("/v1/models/bigram/generate", json={}).status_code == status
