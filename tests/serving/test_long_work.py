"""Work that goes step by step: its deadline, and its place among the tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from starlette.testclient import TestClient

from repertoire.runtime import tasks
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Event, last
from repertoire.runtime.tasks.language import Generate, Generated
from serving.http.admission import Admission
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


def test_a_stream_keeps_the_place_that_it_was_given_from_its_first_event_to_its_last(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.admission = Admission(total=1)
    running: list[int] = []

    def counted(model: Model, run: Run, request: Generate) -> Iterator[Event]:
        for _ in range(3):
            running.append(service.admission.running())
            yield "token", {"text": "a"}
        yield "done", {"finish": "length"}

    told = replace(tasks.TASKS["generate"], events=counted)
    monkeypatch.setattr(tasks, "TASKS", {**tasks.TASKS, "generate": told})
    admit = Mock(wraps=service.admission.admit)
    monkeypatch.setattr(service.admission, "admit", admit)
    answer = client.post("/v1/models/bigram/generate", json={"stream": True})
    assert answer.text.count("event: token") == 3 and "event: done" in answer.text
    assert admit.call_count == 1 and running == [1, 1, 1]
    assert service.admission.running() == 0


def test_a_stream_that_fails_at_its_first_event_has_a_status_and_gives_its_place_back(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(model: Model, run: Run, request: Generate) -> Iterator[Event]:
        raise InvalidInput("nothing to go on from")
        yield  # a generator

    told = replace(tasks.TASKS["generate"], events=refused)
    monkeypatch.setattr(tasks, "TASKS", {**tasks.TASKS, "generate": told})
    answer = client.post("/v1/models/bigram/generate", json={"stream": True})
    assert answer.status_code == 422 and "nothing to go on from" in answer.text
    assert service.admission.running() == 0
