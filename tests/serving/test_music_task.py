"""Composing over the application, and MIDI files against bytes worked out by hand."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
import standins
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.midi import midi, variable_length
from repertoire.runtime.task import Event
from repertoire.runtime.wire import plain

URL = "/v1/models/carillon/compose"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the fixtures of conftest.py serve: here, one of music."""
    root = tmp_path_factory.mktemp("music")
    standins.carillon(root / "carillon")
    standins.carillon(root / "piano")
    path = root / "piano/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["encodings"]["roll"] |= {"steps_a_quarter": 7, "program": 0, "tempo": 131.5}
    path.write_text(json.dumps(manifest))
    return root


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "00"), (0x40, "40"), (0x7F, "7f"), (0x80, "8100"), (0x2000, "c000"), (0x3FFF, "ff7f"),
     (0x4000, "818000"), (0x1FFFFF, "ffff7f"), (0xFFFFFFF, "ffffff7f")],
)  # fmt: skip
def test_variable_lengths_are_those_of_the_specification(number: int, expected: str) -> None:
    assert variable_length(number).hex() == expected


def test_a_midi_file_holds_notes_that_go_on_and_waits_through_rests() -> None:
    # 60 for two steps, with 64 in the second; a rest of two; 64 again; eighths at 120 a minute.
    content = midi([[60], [64, 60], [], [], [64]], 2, 120)
    expected = (
        "4d546864 00000006 0000 0001 01e0"  # MThd, format 0, one track, 480 ticks a quarter
        "4d54726b 0000002a"  # MTrk, 42 bytes
        "00 ff5103 07a120"  # 500,000 microseconds a quarter
        "00 c034"
        "00 903c50"
        "8170 904050"  # after 240 ticks
        "8170 803c50"
        "00 804050"
        "8360 904050"  # after 480 ticks of rest
        "8170 804050"
        "00 ff2f00"
    )
    assert content == bytes.fromhex(expected.replace(" ", ""))


def test_a_file_that_ends_in_silence_lasts_as_long_as_its_frames() -> None:
    assert midi([[], [], []], 2, 60).endswith(bytes.fromhex("8550ff2f00"))  # 720 ticks


def test_what_follows_a_prompt_depends_on_its_last_chord(client: TestClient) -> None:
    body: dict[str, Any] = {"prompt": [[61], [62, 60, 60], []], "frames": 3, "temperature": 0}
    assert client.post(URL, json=body).json()["frames"] == [[61], [60, 62], [], [], [], []]
    body["prompt"] = [[61], [62, 60, 60]]
    answer = client.post(URL, json=body).json()
    assert answer["frames"] == [[61], [60, 62], [61, 63], [62, 64], [63]]
    assert answer["steps_a_quarter"] == 2
    assert base64.b64decode(answer["midi"]) == midi(answer["frames"], 2, 72)


def test_a_file_is_in_the_grid_with_the_instrument_and_the_tempo_of_the_model(
    client: TestClient,
) -> None:
    body = {"prompt": [[61], [61], []], "frames": 1, "temperature": 0}
    url = "/v1/models/piano/compose"
    content = base64.b64decode(client.post(url, json=body).json()["midi"])
    # 480 // 7 = 68 ticks a step, and seven of them a quarter note: none is lost.
    assert content[12:14] == (7 * 68).to_bytes(2, "big")
    assert (456_274).to_bytes(3, "big") in content and b"\x00\xc0\x00" in content
    assert b"\x81\x08\x80\x3d" in content  # the note ends after 2 * 68 ticks
    slow = client.post(url, json={**body, "tempo": 60}).json()["midi"]
    assert (1_000_000).to_bytes(3, "big") in base64.b64decode(slow)


def test_chance_comes_from_the_seed_alone(client: TestClient) -> None:
    body = {"frames": 23, "temperature": 30, "seed": 7}
    first = client.post(URL, json=body).json()
    assert first == client.post(URL, json=body).json()
    assert first["frames"] != client.post(URL, json={**body, "seed": 11}).json()["frames"]
    numbers = np.random.default_rng(7).random((1, 5), np.float32)[0]
    assert first["frames"][0] == [60 + n for n in np.flatnonzero(numbers < 0.3)]
    drawn = client.post(URL, json={"frames": 5}).json()
    assert client.post(URL, json={"frames": 5, "seed": drawn["seed"]}).json() == drawn


def test_who_accepts_midi_or_png_gets_the_file_of_the_same_piece(client: TestClient) -> None:
    body = {"prompt": [[60], [64]], "frames": 11, "temperature": 25, "seed": 3, "tempo": 100}
    piece = client.post(URL, json=body).json()
    file = client.post(URL, json=body, headers={"Accept": "audio/midi"})
    assert file.headers["content-type"] == "audio/midi" and file.headers["seed"] == "3"
    assert "carillon-3.mid" in file.headers["content-disposition"]
    assert file.content == base64.b64decode(piece["midi"])
    sheet = client.post(URL, json=body, headers={"Accept": "image/png"})
    pixels = np.asarray(Image.open(io.BytesIO(sheet.content)))[::4, ::4]
    rung = [sorted(60 + int(n) for n in np.flatnonzero(column[::-1])) for column in pixels.T]
    assert rung == piece["frames"]


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ({"prompt": [[59]]}, 422, "prompt[0] holds note 59; send 60 to 64"),
        ({"prompt": [[65]]}, 422, "prompt[0] holds note 65; send 60 to 64"),
        ({"prompt": [60]}, 400, "prompt[0] is 60; send a list"),
        ({"prompt": [[60.5]]}, 400, "prompt[0][0] is 60.5; send a whole number"),
        ({"prompt": [[62], [True]]}, 400, "prompt[1][0] is true"),
        ({"prompt": "C E G"}, 400, 'prompt is "C E G"; send a list'),
        ({"prompt": [[]] * 1025}, 422, "prompt holds 1025 values"),
        ({"frames": 0}, 422, "frames is 0"),
        ({"tempo": 3}, 422, "tempo is 3"),
        ({"temperature": -1}, 422, "temperature is -1"),
        ({"bars": 8}, 400, "unknown field bars"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, body: dict[str, Any], status: int, line: str
) -> None:
    answer = client.post(URL, json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"]


def told(steps: Iterator[Event]) -> list[int]:
    """How far a task says that it is, which must rise to the end."""
    *progress, (last, _) = steps
    assert last == "done" and {kind for kind, _ in progress} == {"progress"}
    assert {content["of"] for _, content in progress} == {progress[-1][1]["of"]}
    done = [content["done"] for _, content in progress]
    assert done == sorted(set(done)) and done[-1] == progress[-1][1]["of"]
    return done


def test_who_follows_a_piece_hears_how_far_it_is_and_not_of_every_frame(stock: Path) -> None:
    compose = load(stock / "carillon").compose
    asked = {"frames": 1021, "temperature": 30, "seed": 5}
    *_, (_, piece) = compose.steps([[60]], **asked)
    assert piece == compose([[60]], **asked)
    assert len(told(compose.steps([[60]], **asked))) < 511


def test_several_prompts_are_composed_one_by_one(stock: Path) -> None:
    compose = load(stock / "carillon").compose
    pieces = compose([[[60]], [], [[63], []]], frames=2, temperature=0)
    assert [piece["frames"] for piece in pieces] == [
        [[60], [61], [62]],
        [[], []],
        [[63], [], [], []],
    ]
    with pytest.raises(InvalidInput, match=r"prompt\[1\] holds note 10{39}…; send 60 to 64"):
        compose([[60], [10**400]])


def test_a_schema_names_the_notes_and_the_tempo_of_the_model(stock: Path) -> None:
    piano = load(stock / "piano").compose
    task, model = piano.task, load(stock / "piano").model
    schema = task.request_schema(model)["properties"]
    note = schema["prompt"]["items"]["items"]
    assert (note["minimum"], note["maximum"]) == (60, 64) and schema["tempo"]["default"] == 131.5
    answer = jsonschema_rs.validator_for(task.answer_schema())
    assert answer.is_valid(plain(piano(frames=3, seed=1)))
