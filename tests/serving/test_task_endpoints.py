"""The tasks, over the application, against answers worked out by hand."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import standins
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime.ports import Limits
from serving.app import create_app
from serving.service import Service


def picture(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def pixels_of(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_the_images_of_a_request_have_so_many_pixels_together(
    client: TestClient, service: Service
) -> None:
    service.plane.limits = Limits(pixels=2 * 5 * 7)
    image = picture(np.zeros((5, 7), np.uint8))
    for _ in range(2):  # each request has them anew
        sent = client.post("/v1/models/negative/reconstruct", json={"images": [image] * 2})
        assert sent.status_code == 200
    refused = client.post("/v1/models/negative/reconstruct", json={"images": [image] * 3})
    assert refused.status_code == 413
    assert "more than 70 pixels in all; send fewer images" in refused.json()["error"]


def test_generation_stops_when_the_client_goes(service: Service) -> None:
    """The server tells of it by the connection, which stands in the scope."""
    body = {"prompt": "a", "max_tokens": 4000, "stop_at_end": False}
    runs, statuses = list[float](), list[int]()
    going = list[Callable[[], None]]()
    connection = SimpleNamespace(when_gone=going.append)

    class Observer:
        def ran(self, jobs: Any, times: Any) -> None:
            runs.append(times[0])
            if len(runs) == 7:
                going[0]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    service.plane.observers.append(Observer())
    scope = {"type": "http", "method": "POST", "path": "/v1/models/bigram/generate"}
    scope |= {"headers": [], "query_string": b"", "repertoire.connection": connection}
    asyncio.run(create_app(service, poll_seconds=3600)(scope, receive, send))
    assert statuses[0] == 499 and 7 <= len(runs) < 100
    assert service.admission.running() == 0


def test_a_score_is_the_sum_over_the_bigrams_of_the_text_and_its_ends(
    client: TestClient, table: np.ndarray
) -> None:
    answer = client.post("/v1/models/bigram/score", json={"text": ["c", "a b zzz", ""]}).json()
    short, long, empty = answer["results"]
    assert long["tokens"] == ["a", "b", "<unk>", "<eos>"]
    total = table[0, 2] + table[2, 3] + table[3, 1] + table[1, 0]
    assert long["log_prob"] == pytest.approx(total, rel=1e-6)
    assert long["perplexity"] == pytest.approx(math.exp(-total / 4), rel=1e-6)
    assert short["log_probs"] == pytest.approx([table[0, 4], table[4, 0]])
    assert empty["log_probs"] == pytest.approx([table[0, 0]])


def test_a_text_longer_than_one_run_scores_as_a_whole(
    client: TestClient, table: np.ndarray
) -> None:
    found = client.post("/v1/models/bigram/score", json={"text": "a " * 2000}).json()["results"][0]
    total = table[0, 2] + 1999 * np.float64(table[2, 2]) + table[2, 0]
    assert found["log_prob"] == pytest.approx(total, rel=1e-6)


def test_greedy_generation_follows_the_likeliest_bigrams(
    client: TestClient, table: np.ndarray
) -> None:
    body = {"prompt": "b", "max_tokens": 5, "temperature": 0, "stop_at_end": False}
    answer = client.post("/v1/models/bigram/generate", json=body).json()
    token, expected = 3, []
    for _ in range(5):
        token = int(table[token].argmax())
        expected.append(["<eos>", "<unk>", "a", "b", "c"][token])
    assert answer["tokens"] == expected


def test_the_same_seed_gives_the_same_text_and_another_seed_another(client: TestClient) -> None:
    def text(seed: int) -> str:
        body = {"prompt": "w1 w2", "max_tokens": 29, "seed": seed, "stop_at_end": False}
        answer = client.post("/v1/models/lstm/generate", json=body).json()
        assert answer["seed"] == seed
        return str(answer["text"])

    assert text(3) == text(3)
    assert text(3) != text(5)


def test_generation_ends_at_the_end_of_a_line_if_asked(client: TestClient) -> None:
    answers = [
        client.post("/v1/models/bigram/generate", json={"seed": seed, "max_tokens": 7}).json()
        for seed in range(13)
    ]
    assert {answer["finish"] for answer in answers} == {"end", "length"}
    for answer in answers:
        assert "<eos>" not in answer["tokens"]
        assert (len(answer["tokens"]) == 7) == (answer["finish"] == "length")


@pytest.fixture
def eager_to_end(models: Path) -> np.ndarray:
    """The bigrams of the model `brief`, whose likeliest next token is always the end."""
    table = np.log(np.array([[0.9, 0.01, 0.04, 0.03, 0.02]] * 5, np.float32))
    standins.bigram(models / "brief", table, ("a", "b", "c"))
    return table


@pytest.mark.parametrize("taste", [{"temperature": 0}, {"seed": 3}, {"seed": 5, "temperature": 7}])
@pytest.mark.parametrize("least", [None, 1, 5])
def test_the_end_is_not_drawn_before_as_many_tokens_as_asked_for(
    eager_to_end: np.ndarray, client: TestClient, taste: dict[str, Any], least: int | None
) -> None:
    body = {"prompt": "b", "max_tokens": 7, **taste} | ({"min_tokens": least} if least else {})
    answer = client.post("/v1/models/brief/generate", json=body).json()
    assert len(answer["tokens"]) >= (least or 1) and answer["text"].strip()
    places = [["<eos>", "<unk>", "a", "b", "c"].index(token) for token in answer["tokens"]]
    np.testing.assert_allclose(answer["log_probs"], eager_to_end[0, places], rtol=1e-6)
    streamed = client.post("/v1/models/brief/generate", json={**body, "stream": True}).text
    done = json.loads(streamed.strip().rpartition("data: ")[2])
    assert done["finish"] == answer["finish"] and len(done["tokens"]) >= (least or 1)


def test_the_end_may_come_at_once_if_that_is_asked_for(
    eager_to_end: np.ndarray, client: TestClient
) -> None:
    body = {"temperature": 0, "max_tokens": 3}
    answer = client.post("/v1/models/brief/generate", json={**body, "min_tokens": 0}).json()
    assert (answer["tokens"], answer["finish"]) == ([], "end")
    lines = client.post("/v1/models/brief/generate", json={**body, "stop_at_end": False}).json()
    assert lines["text"] == "\n\n\n"
    body |= {"stop_at_end": False, "min_tokens": 2}
    answer = client.post("/v1/models/brief/generate", json=body).json()
    assert answer["tokens"] == ["a", "a", "<eos>"]


def test_a_stream_sends_the_pieces_of_the_same_text(client: TestClient) -> None:
    body = {"prompt": "a", "max_tokens": 11, "seed": 2, "stop_at_end": False}
    whole = client.post("/v1/models/bigram/generate", json=body).json()
    answer = client.post("/v1/models/bigram/generate", json={**body, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    events = [(kind.removeprefix("event: "), json.loads(data[6:])) for kind, data in blocks]
    assert [kind for kind, _ in events] == ["token"] * 11 + ["done"]
    assert "".join(data["text"] for _, data in events[:-1]) == whole["text"]
    assert events[-1][1] == whole


def test_a_stream_of_a_bad_request_has_its_status(client: TestClient) -> None:
    body = {"stream": True, "temperature": -1}
    assert client.post("/v1/models/bigram/generate", json=body).status_code == 422


def test_translations_end_at_the_end_and_keep_their_order(client: TestClient) -> None:
    body = {"text": ["x y z z x", "z", "y x"]}
    results = client.post("/v1/models/mirror/translate", json=body).json()["results"]
    assert [each["text"] for each in results] == body["text"]
    assert [each["log_prob"] for each in results] == [-5, -1, -2]
    short = client.post("/v1/models/mirror/translate", json={"text": "x y z", "max_length": 2})
    assert short.json()["results"][0]["tokens"] == ["x", "y"]


def test_a_beam_and_its_length_penalty_reach_the_graph(client: TestClient) -> None:
    body = {"text": "x y z", "beam": 5, "length_penalty": 0.75}
    [found] = client.post("/v1/models/mirror/translate", json=body).json()["results"]
    assert found["log_prob"] == -3 * 5 + 0.75


def test_a_reconstruction_comes_back_as_a_picture(client: TestClient) -> None:
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    body = {"images": [picture(pixels), pixels.tolist()]}
    results = client.post("/v1/models/negative/reconstruct", json=body).json()["results"]
    for each in results:
        assert np.array_equal(pixels_of(each["image"]), 255 - pixels)
        assert each["error"] == 17.0


@pytest.mark.parametrize(
    ("image", "status"),
    [
        (picture(np.zeros((7, 5), np.uint8)), 422),
        ([[0] * 7] * 4, 422),
        ([[256] * 7] * 5, 422),
        ("no base64!", 400),
        (base64.b64encode(b"no picture").decode(), 400),
    ],
)
def test_what_is_no_picture_of_the_right_size_is_refused(
    client: TestClient, image: object, status: int
) -> None:
    answer = client.post("/v1/models/negative/reconstruct", json={"images": [image]})
    assert answer.status_code == status


def test_drawn_images_repeat_with_their_seed(client: TestClient) -> None:
    body = {"count": 5, "seed": 13}
    first = client.post("/v1/models/negative/sample", json=body).json()
    assert first == client.post("/v1/models/negative/sample", json=body).json()
    signs = np.random.default_rng(13).standard_normal((5, 3), np.float32)[:, 0] > 0
    assert [pixels_of(each)[0, 0] == 255 for each in first["images"]] == signs.tolist()


def test_drawn_images_come_as_one_sheet_for_who_accepts_png(client: TestClient) -> None:
    answer = client.post(
        "/v1/models/negative/sample", json={"count": 5}, headers={"Accept": "image/png"}
    )
    assert Image.open(io.BytesIO(answer.content)).size == (3 * 29 - 1, 2 * 29 - 1)


@pytest.mark.parametrize(
    ("path", "body", "status", "line"),
    [
        ("double/score", {"text": "a"}, 404, "has no task"),
        ("nobody/score", {"text": "a"}, 404, "there is no model"),
        ("bigram/score", {}, 400, "text is missing"),
        ("bigram/score", {"text": 3}, 400, "text is 3; send a text, or a list"),
        ("bigram/score", {"text": "a", "texts": "b"}, 400, "unknown field texts"),
        ("bigram/generate", {"top_p": 2}, 422, "top_p is 2"),
        ("bigram/generate", {"min_tokens": 8, "max_tokens": 7}, 422, "is 8; send 0 to 7"),
        ("bigram/generate", {"min_tokens": -1}, 422, "min_tokens is -1; send a whole number"),
        ("bigram/generate", {"min_tokens": "1"}, 400, 'min_tokens is "1"; send a whole number'),
        ("bigram/generate", {"max_tokens": 1.5}, 400, "max_tokens is 1.5; send a whole number"),
        ("bigram/generate", {"prompt": "a " * 5000}, 422, "time is 5001"),
        ("negative/sample", {"count": 0}, 422, "count is 0"),
        (
            "mirror/translate",
            {"text": "x", "beam": 17},
            422,
            "beam is 17; send a whole number from 1 to 16",
        ),
        ("mirror/translate", {"text": "x", "beam": 2.5}, 400, "beam is 2.5; send a whole number"),
        ("mirror/translate", {"text": "x", "length_penalty": -1}, 422, "length_penalty is -1"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, path: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{path}", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"]


def test_the_page_and_its_list_of_models_are_there(client: TestClient) -> None:
    assert "<title>Repertoire</title>" in client.get("/").text
    listed = client.get("/v1/models").json()["models"]
    tasks = {m["name"]: m["tasks"] for m in listed}["bigram"]
    assert tasks == ["score", "generate", "complete", "rescore"]
    assert listed[0]["metrics"] == {"test_perplexity": 11.0}


def test_the_list_has_the_verdict_of_a_manifest_and_none_of_an_older_one(
    models: Path, client: TestClient, service: Service
) -> None:
    file = models / "bigram/manifest.json"
    said = {"sentence": "Better than luck.", "margin": 3}
    file.write_text(json.dumps({**json.loads(file.read_text()), "verdict": said}))
    service.reload()
    listed = {m["name"]: m for m in client.get("/v1/models").json()["models"]}
    assert (listed["bigram"]["verdict"], listed["double"]["verdict"]) == (said, None)


def test_a_task_tells_its_use_and_an_example_that_can_be_sent(client: TestClient) -> None:
    told = client.get("/v1/models/bigram/generate").json()
    assert told["use"] == "continuing text in the manner of its training data"
    assert told["files"] == []
    answer = client.post("/v1/models/bigram/generate", json=told["example"])
    assert answer.status_code == 200 and len(answer.json()["tokens"]) <= 20


def test_an_example_with_a_picture_names_the_file_that_stands_there(client: TestClient) -> None:
    told = client.get("/v1/models/negative/reconstruct").json()
    assert (told["example"], told["files"]) == ({"images": ["picture.png"]}, ["picture.png"])


def test_a_task_of_a_model_that_the_server_lacks_is_named_with_the_remedy(
    models: Path, client: TestClient, service: Service
) -> None:
    file = models / "bigram/manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tasks": ["score", "juggle"]}))
    service.reload()
    for answer in (client.get(path := "/v1/models/bigram/juggle"), client.post(path, json={})):
        assert answer.status_code == 404
        assert "'juggle' that is not known here; add a module" in answer.json()["error"]


def test_a_task_that_a_model_lacks_has_no_example(client: TestClient) -> None:
    answer = client.get("/v1/models/bigram/translate")
    assert answer.status_code == 404 and "has no task 'translate'" in answer.json()["error"]
