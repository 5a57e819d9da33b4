"""Signals over the application, against a model that is worked out by hand, and WAV files."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import wave
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
import standins
from onnx import TensorProto
from onnx.helper import make_node as node
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime import load
from repertoire.runtime.companding import decoded, encoded
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.tasks.waveforms import file, picture
from repertoire.runtime.wire import plain
from serving.batch import command as batch

URL = "/v1/models/staircase"
RATE, SCALE = 53, 2.0
STATE, AFTER = ((name, "float32", ("batch", 1)) for name in ("count", "next_count"))
ASKED = [
    ("levels", "uint8", ("batch", "time")),
    ("temperature", "float32", ("batch",), 0, 100),
    ("uniform", "float32", ("batch",), 0, 1),
]
SCORED = [("log_probs", "float32", ("batch", "time", 256))]
DRAWN = [("level", "uint8", ("batch",)), ("log_probs", "float32", ("batch", 256))]


def staircase(folder: Path) -> None:
    """Two levels may follow: the next one up, to which it gives 3/4, and the one just been.

    Its state counts the samples, so that a test can see it carried: after 4,000, 255 follows.
    """
    back = {"next_count": "count"}
    parts = {"score": (scoring(), ASKED[:1], SCORED), "step": (stepping(), ASKED, DRAWN)}
    entries = []
    for name, (nodes, inputs, outputs) in parts.items():
        ports = ([*inputs, STATE], [*outputs, AFTER])
        weights = {key: WEIGHTS[key] for node in nodes for key in node.input if key in WEIGHTS}
        model = standins.graph_model(nodes, *ports, weights)
        entries.append(standins.graph_entry(folder, name, model, *ports, back))
    encoding = {"kind": "waveform", "rate": RATE, "scale": SCALE, "unit": "V", "full_scale": SCALE}
    tasks = ["continue", "likelihood"]
    standins.write_manifest(folder, "waveforms", tasks, entries, {"wave": encoding})


def counting() -> list[Any]:
    return [
        node("Shape", ["levels"], ["shape"], start=1),
        node("Cast", ["shape"], ["length"], to=TensorProto.FLOAT),
        node("Add", ["count", "length"], ["next_count"]),
        node("Cast", ["levels"], ["places"], to=TensorProto.INT64),
    ]


def scoring() -> list[Any]:
    return [*counting(), node("Gather", ["table", "places"], ["log_probs"])]


def stepping() -> list[Any]:
    """Up where the random number is below 3/4, or the temperature below it."""
    return [
        *counting(),
        node("Gather", ["places", "last"], ["latest"], axis=1),
        node("Gather", ["table", "latest"], ["log_probs"]),
        node("Less", ["uniform", "half"], ["drawn_up"]),
        node("Less", ["temperature", "uniform"], ["cold"]),
        node("Or", ["drawn_up", "cold"], ["up"]),
        node("Cast", ["up"], ["by"], to=TensorProto.INT64),
        node("Add", ["latest", "by"], ["higher"]),
        node("Min", ["higher", "top"], ["bounded"]),
        node("Greater", ["next_count", "long"], ["late"]),
        node("Squeeze", ["late", "axis"], ["lately"]),
        node("Where", ["lately", "top", "bounded"], ["chosen"]),
        node("Cast", ["chosen"], ["level"], to=TensorProto.UINT8),
    ]


def table() -> np.ndarray:
    """log_probs[last, next]."""
    chances = np.full((256, 256), 1e-9)
    for level in range(256):
        chances[level, level] = 0.25
        chances[level, min(255, level + 1)] += 0.75
    return np.log(chances).astype(np.float32)


WEIGHTS = {
    "table": table(),
    "last": np.array(-1),
    "half": np.array(0.75, np.float32),
    "long": np.array(4000, np.float32),
    "top": np.array(255),
    "axis": np.array([1]),
}


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the fixtures of conftest.py serve: here, one of signals."""
    root = tmp_path_factory.mktemp("signals")
    staircase(root / "staircase")
    return root


def volts(levels: Any) -> list[float]:
    return (SCALE * decoded(np.array(levels, np.uint8))).tolist()


def levels_of(samples: list[float]) -> list[int]:
    return encoded(np.array(samples) / SCALE).tolist()


def wav(samples: Any, rate: int = RATE, width: int = 2, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(np.asarray(samples).tobytes())
    return file.getvalue()


def base(content: bytes) -> str:
    return base64.b64encode(content).decode()


def still(level: int, count: int) -> str:
    """A file that stays at a level."""
    return base(wav(np.full(count, round(32768 * decoded(np.array(level))), "<i2")))


def test_the_likeliest_levels_follow_the_last_sample(client: TestClient) -> None:
    body = {"samples": volts([7, 40, 100]), "count": 3, "temperature": 0}
    answer = client.post(f"{URL}/continue", json=body).json()
    assert levels_of(answer["samples"]) == [101, 102, 103]
    assert answer["given"] == 3 and answer["rate"] == RATE and answer["unit"] == "V"
    silence = client.post(f"{URL}/continue", json={"count": 2, "temperature": 0}).json()
    assert levels_of(silence["samples"]) == [129, 130] and silence["given"] == 0


def test_a_second_follows_where_no_count_is_told(client: TestClient) -> None:
    assert len(client.post(f"{URL}/continue", json={}).json()["samples"]) == RATE


def test_chance_comes_from_the_seed_alone(client: TestClient) -> None:
    body: dict[str, Any] = {"samples": volts([50]), "count": 31, "seed": 7}
    first = client.post(f"{URL}/continue", json=body).json()
    assert first == client.post(f"{URL}/continue", json=body).json()
    ups = np.random.default_rng(7).random((31, 1), np.float32)[:, 0] < 0.75
    assert levels_of(first["samples"]) == (50 + np.cumsum(ups)).tolist()
    other = client.post(f"{URL}/continue", json={**body, "seed": 11}).json()
    assert other["samples"] != first["samples"]


def test_a_long_signal_is_read_in_pieces_and_the_state_goes_on(client: TestClient) -> None:
    body: dict[str, Any] = {"audio": still(9, 5003), "count": 1, "temperature": 0}
    answer = client.post(f"{URL}/continue", json=body).json()
    assert levels_of(answer["samples"]) == [255]  # more than 4,000 were counted
    body["audio"] = still(9, 3001)
    assert levels_of(client.post(f"{URL}/continue", json=body).json()["samples"]) == [10]


def test_the_state_goes_on_from_draw_to_draw(client: TestClient) -> None:
    # With the silence before it the third draw has seen more than 4,000 samples.
    body = {"audio": still(9, 3998), "count": 3, "temperature": 0}
    answer = client.post(f"{URL}/continue", json=body).json()
    assert levels_of(answer["samples"]) == [10, 11, 255]


def test_a_file_holds_the_signal_and_what_follows_at_the_rate_of_the_model(
    client: TestClient,
) -> None:
    body = {"samples": volts([128, 200]), "count": 11, "seed": 3}
    made = client.post(f"{URL}/continue", json=body).json()["samples"]
    file = client.post(f"{URL}/continue", json=body, headers={"Accept": "audio/wav"})
    assert file.headers["content-type"] == "audio/wav" and file.headers["seed"] == "3"
    assert "staircase-3.wav" in file.headers["content-disposition"]
    with wave.open(io.BytesIO(file.content)) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (RATE, 1, 2)
        heard = np.frombuffer(read.readframes(99), "<i2") / 32767
    assert heard * SCALE == pytest.approx(volts([128, 200]) + made, abs=1e-4)


def test_a_file_that_was_made_goes_on_as_its_samples_do(client: TestClient) -> None:
    counts = np.array([3000, -12000, 20000], "<i2")
    body = {"count": 5, "temperature": 0}
    heard = client.post(f"{URL}/continue", json={"audio": base(wav(counts)), **body}).json()
    samples = (SCALE * counts / 32768).tolist()
    assert (
        heard["samples"]
        == client.post(f"{URL}/continue", json={"samples": samples, **body}).json()["samples"]
    )


def test_the_picture_shows_the_signal_in_grey_and_what_follows_in_blue(client: TestClient) -> None:
    body = {"samples": volts([128, 200, 90]), "count": 3, "seed": 3}
    answer = client.post(f"{URL}/continue", json=body, headers={"Accept": "image/png"})
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))[24:]  # below the words
    grey = np.flatnonzero((pixels == (90, 98, 110)).all(2).any(0))
    blue = np.flatnonzero((pixels == (31, 95, 191)).all(2).any(0))
    # Three of six samples, and then the rest from where they ended.
    assert grey.min() == 24 and blue.max() == 936
    assert grey.max() == pytest.approx(24 + 912 * 2 / 5, abs=2) and blue.min() >= grey.max() - 2


def test_nats_are_those_of_the_table(client: TestClient) -> None:
    up, stays = -np.log(0.75), -np.log(0.25)
    signals = [volts([129, 130, 130]), volts([128])]
    answer = client.post(f"{URL}/likelihood", json={"samples": signals}).json()
    first, second = answer["results"]
    assert first["samples"] == 3 and first["nats"] == pytest.approx(2 * up + stays, rel=1e-4)
    assert first["nats_per_sample"] == pytest.approx(first["nats"] / 3)
    assert second["nats"] == pytest.approx(stays, rel=1e-4)  # after silence, level 128
    alone = client.post(f"{URL}/likelihood", json={"samples": signals[0]}).json()
    assert alone["results"] == [first]


def test_a_long_signal_is_scored_in_pieces(client: TestClient) -> None:
    body = {"audio": still(128, 9001)}
    [found] = client.post(f"{URL}/likelihood", json=body).json()["results"]
    assert found["nats"] == pytest.approx(-9001 * np.log(0.25), rel=1e-4)


def test_files_are_scored_and_what_is_louder_than_the_model_knows_is_counted(
    client: TestClient,
) -> None:
    files = [base(wav(np.zeros(5, "<i2"))), base(wav(np.array([0, 0], "<i2")))]
    results = client.post(f"{URL}/likelihood", json={"audio": files}).json()["results"]
    assert [each["samples"] for each in results] == [5, 2]
    [loud] = client.post(f"{URL}/likelihood", json={"samples": [2.5, 0.1, -3]}).json()["results"]
    assert loud["clipped"] == 2


def test_a_file_of_rows_is_answered(models: Path, tmp_path: Path) -> None:
    rows = [{"samples": volts([129])}, {"samples": [1, None]}, {"samples": volts([128, 128])}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for task, key in (("likelihood", "nats"), ("continue", "given")):
        out = tmp_path / f"{task}.jsonl"
        words = ["staircase", task, str(tmp_path / "in.jsonl"), str(out)]
        batch.main([*words, "--models", str(models)])
        answers = [json.loads(line) for line in out.read_text().splitlines()]
        assert [each["row"] for each in answers] == [0, 2] and key in answers[0]
        [bad] = (tmp_path / f"{task}.jsonl.errors.jsonl").read_text().splitlines()
        assert "null" in json.loads(bad)["reason"]


@pytest.mark.parametrize(("task", "key"), [("likelihood", "nats"), ("continue", "given")])
def test_a_folder_of_wav_files_is_answered_by_name(
    models: Path, tmp_path: Path, task: str, key: str
) -> None:
    (folder := tmp_path / "sounds").mkdir()
    (folder / "b.wav").write_bytes(base64.b64decode(still(128, 3)))
    (folder / "a.WAV").write_bytes(base64.b64decode(still(129, 5)))
    (folder / "c.wav").write_bytes(b"ID3")
    (folder / "d.wav").mkdir()
    (folder / "e.png").touch()
    out = tmp_path / "out.jsonl"
    words = ["staircase", task, str(folder), str(out), "--models", str(models)]
    assert batch.main([*words, *(["--set", "count=2"] if task == "continue" else [])]) == 0
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    assert [each["file"] for each in answers] == ["a.WAV", "b.wav"] and key in answers[0]
    bad = [json.loads(line) for line in (tmp_path / "out.jsonl.errors.jsonl").open()]
    assert [each["file"] for each in bad] == ["c.wav", "d.wav"]
    assert "no WAV file" in bad[0]["reason"] and "Is a directory" in bad[1]["reason"]


@pytest.mark.parametrize(
    ("task", "body", "status", "line"),
    [
        ("continue", {"samples": [1, "a"]}, 400, 'samples[1] is "a"; send a number'),
        ("continue", {"samples": [True]}, 400, "samples[0] is true; send a number"),
        ("continue", {"samples": 3}, 400, "samples is 3; send a list"),
        ("continue", {"samples": [[1]]}, 400, "samples[0] is [1]; send a number"),
        ("continue", {"samples": [1], "audio": "AAAA"}, 400, "send one of them"),
        ("continue", {"audio": "?"}, 400, "not valid base64"),
        ("continue", {"audio": base(b"ID3 no wave file")}, 400, "no WAV file"),
        ("continue", {"audio": base(wav(b"", RATE))}, 422, "audio holds 0 samples"),
        ("continue", {"audio": base(wav(b"\0\0" * 3, 8000))}, 422, "-ar 53 "),
        ("continue", {"count": 0}, 422, "count is 0"),
        ("continue", {"count": 20_000}, 422, "count is 20000"),
        ("continue", {"temperature": -1}, 422, "temperature is -1"),
        ("continue", {"length": 3}, 400, "unknown field length"),
        ("likelihood", {}, 400, "samples are missing; send them, or audio"),
        ("likelihood", {"samples": [[1], 2]}, 400, "samples[1] is 2; send a list"),
        ("likelihood", {"samples": [[1], []]}, 422, "samples[1] holds 0 values"),
        ("likelihood", {"samples": [[1]] * 257}, 422, "samples holds 257 values; send 1 to 256"),
        ("likelihood", {"audio": 3}, 400, "audio is 3; send a file in base64"),
        ("likelihood", {"samples": [1], "audio": ["AAAA"]}, 400, "send one of them"),
        ("likelihood", {"audio": ["", "AAAA"]}, 400, "audio[0] is no WAV file"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, task: str, body: dict[str, Any], status: int, line: str
) -> None:
    answer = client.post(f"{URL}/{task}", json=body)
    assert answer.status_code == status and line in answer.json()["error"]


def test_levels_are_those_of_the_formula() -> None:
    # 1/255 is an eighth of full scale on the companded axis, and the edge of level 144.
    assert encoded(np.array([0, 1 / 255 + 1e-9, 1 / 255 - 1e-9, 1, -1, 9])).tolist() == [
        128, 144, 143, 255, 0, 255,
    ]  # fmt: skip
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(encoded(decoded(every)), every)


def riff(tag: int, bits: int, data: bytes, more: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", tag, 1, RATE, RATE * bits // 8, bits // 8, bits) + more
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # of an odd size, and padded
    chunks += b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_who_follows_a_long_signal_hears_how_far_it_is(stock: Path) -> None:
    model = load(stock / "staircase")
    signals = [volts([128]) * 9001, volts([128]) * 3]
    *progress, (kind, answers) = model.likelihood.steps(signals)
    assert kind == "done" and answers == model.likelihood(signals)
    assert progress[-1] == ("progress", {"done": 9004, "of": 9004}) and len(progress) <= 4
    go_on = getattr(model, "continue")
    *progress, (_, answer) = go_on.steps(count=997, seed=3)
    assert answer == go_on(count=997, seed=3) and len(progress) < 499
    assert progress[-1] == ("progress", {"done": 997, "of": 997})


@pytest.mark.parametrize("size", [1e38, 1.7e308, 5e-324])
def test_the_largest_and_the_smallest_numbers_have_finite_answers_and_files(
    stock: Path, size: float
) -> None:
    model = load(stock / "staircase")
    go_on, samples = getattr(model, "continue"), [size, -size, 0, size]
    asked = go_on.task.read({"samples": samples, "count": 7, "temperature": 0})
    answer = go_on.task.answer(model.model, model.run, asked)
    assert answer["clipped"] == (3 if size > 1 else 0)
    assert levels_of(answer["samples"]) == ([255] * 7 if size > 1 else list(range(129, 136)))
    with wave.open(io.BytesIO(file(model.model, asked, answer))) as read:
        heard = np.frombuffer(read.readframes(99), "<i2")
    assert heard[:4].tolist() == ([32767, -32767, 0, 32767] if size > 1 else [0] * 4)
    pixels = np.asarray(Image.open(io.BytesIO(picture(model.model, asked, answer))))[24:]
    inked = (pixels == (90, 98, 110)).all(2)
    assert inked[:, 24:290].any(0).all()  # the course of what was given, without a gap
    [found] = model.likelihood([samples])
    assert math.isfinite(found["nats"])


def test_samples_beyond_numbers_are_refused_by_their_place(stock: Path) -> None:
    likelihood = load(stock / "staircase").likelihood
    for odd in (math.nan, 10**400):
        with pytest.raises(InvalidInput, match=r"samples\[2\] is .*; send a finite number"):
            list(likelihood.steps([0.1, 0.2, odd]))


def test_a_file_may_be_bytes_and_its_samples_must_be_finite(stock: Path) -> None:
    likelihood = load(stock / "staircase").likelihood
    [found] = likelihood(audio=wav(np.zeros(5, "<i2")))
    assert found == likelihood([0.0] * 5)
    data = np.array([0.5, np.nan], "<f4").tobytes()
    with pytest.raises(InvalidInput, match="audio holds samples that are no finite numbers"):
        likelihood(audio=riff(3, 32, data))
    loud = np.array([1e308, -1e308], "<f8").tobytes()
    assert likelihood(audio=riff(3, 64, loud))[0]["clipped"] == 2


def test_a_schema_names_the_unit_and_answers_fit_theirs(stock: Path) -> None:
    model = load(stock / "staircase")
    for task in (getattr(model, "continue").task, model.likelihood.task):
        schema = task.request_schema(model.model)["properties"]
        assert "in V, 53 samples a second" in schema["samples"]["description"]
        found = task.answer(model.model, model.run, task.read({"samples": [0.5, 0.25]}))
        body = plain({"results": found} if task.many else found)
        assert jsonschema_rs.validator_for(task.answer_schema()).is_valid(body)
