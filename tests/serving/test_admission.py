"""How many tasks run at once."""

from __future__ import annotations

import contextlib

import pytest
from starlette.testclient import TestClient

from repertoire.runtime.errors import Overloaded
from serving.http.admission import Admission
from serving.service import Service


def test_one_model_leaves_room_for_others_and_all_together_have_an_end() -> None:
    admission = Admission(total=5, of_model=3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(admission.admit("slow"))
        with pytest.raises(Overloaded, match="3 tasks of slow are running"):
            stack.enter_context(admission.admit("slow"))
        for name in ("one", "two"):
            stack.enter_context(admission.admit(name))
        with pytest.raises(Overloaded, match=r"^5 tasks are running"):
            stack.enter_context(admission.admit("three"))
        assert admission.running() == 5
    assert admission.running() == 0
    with admission.admit("slow"):
        assert admission.running() == 1


def test_a_task_that_fails_gives_its_place_back() -> None:
    admission = Admission(total=1, of_model=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), admission.admit("broken"):
            raise ZeroDivisionError
    assert admission.running() == 0


def test_a_model_with_too_many_tasks_is_refused_with_a_time_to_come_again(
    client: TestClient, service: Service
) -> None:
    service.admission = Admission(of_model=1)
    with service.admission.admit("bigram"):
        refused = client.post("/v1/models/bigram/score", json={"text": "a"})
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        other = client.post("/v1/models/mirror/translate", json={"text": "x"})
        assert other.status_code == 200
    assert client.post("/v1/models/bigram/score", json={"text": "a"}).status_code == 200
