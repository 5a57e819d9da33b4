"""Labels, lines between codes and arithmetic of codes, against pixels worked out by hand."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import orjson
import pytest
import standins
from PIL import Image
from starlette.testclient import TestClient

from serving.app import create_app
from serving.batch.command import main as batch
from serving.queue.plane import Plane
from serving.repository import Repository
from serving.service import Service

DARK = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
LIGHT = np.array([[130, 140, 90], [160, 50, 180]], np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    standins.tinted(root / "tinted")
    standins.negative(root / "negative")
    return root


@pytest.fixture(scope="module")
def client(folder: Path):
    repository = Repository(folder)
    repository.refresh()
    service = Service(repository, Plane(repository), body=100_000)
    with TestClient(create_app(service, poll_seconds=3600)) as client:
        yield client
    service.plane.close()


def asked(client: TestClient, task: str, **body: object) -> dict[str, object]:
    return client.post(f"/v1/models/tinted/{task}", json=body).json()


def pixels_of(png: object) -> np.ndarray:
    assert isinstance(png, str)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_a_line_between_two_pictures_ends_in_their_reconstructions(client: TestClient) -> None:
    images = [DARK.tolist(), LIGHT.tolist()]
    found = asked(client, "interpolate", images=images, steps=3, label=[0, 2])["images"]
    kept = asked(client, "reconstruct", images=images, label=[0, 2])["results"]
    assert np.array_equal(pixels_of(found[0]), pixels_of(kept[0]["image"]))
    assert np.array_equal(pixels_of(found[2]), pixels_of(kept[1]["image"]))
    assert np.array_equal(pixels_of(found[0]), DARK)
    # Half way the codes are averaged and the tint is that of the second label: 20 - (0 + 20) / 2.
    middle = (DARK.astype(int) + LIGHT) / 2 + 10
    assert np.array_equal(pixels_of(found[1]), middle)


def test_a_line_between_two_seeds_ends_in_what_they_draw_first(client: TestClient) -> None:
    found = asked(client, "interpolate", seeds=[3, 5], steps=7, label=1)["images"]
    ends = [asked(client, "sample", count=1, seed=s, label=1)["images"][0] for s in (3, 5)]
    assert len(found) == 7 and [found[0], found[-1]] == ends


def test_a_line_comes_as_one_row_for_who_accepts_png(client: TestClient) -> None:
    answer = client.post(
        "/v1/models/tinted/interpolate",
        json={"seeds": [0, 1], "steps": 5},
        headers={"Accept": "image/png"},
    )
    assert Image.open(io.BytesIO(answer.content)).size == (5 * 4 - 1, 2)


def test_a_blend_adds_to_the_first_what_tells_the_third_from_the_second(client: TestClient) -> None:
    between = np.full((2, 3), 7, np.uint8)
    body = {"images": [each.tolist() for each in (DARK, between, LIGHT)], "weights": [1, -1, 1]}
    found = asked(client, "blend", **body, label=0)["image"]
    assert np.array_equal(pixels_of(found), DARK.astype(int) + LIGHT - 7)
    mean = asked(client, "blend", images=[DARK.tolist()] * 2, label=1)["image"]
    assert np.array_equal(pixels_of(mean), DARK)


def test_a_blend_of_one_picture_changes_its_class(client: TestClient) -> None:
    found = asked(client, "blend", images=[DARK.tolist()], label=0, into=2)["image"]
    assert np.array_equal(pixels_of(found), DARK + 20)


def test_classes_are_drawn_in_turn_unless_one_is_asked_for(client: TestClient) -> None:
    seed = 13
    noise = np.random.default_rng(seed).standard_normal((5, 6), np.float32)
    for label, tints in ((None, [0, 10, 20, 0, 10]), (2, [20] * 5), ([0, 0, 1, 1, 2], None)):
        body = {"count": 5, "seed": seed} | ({} if label is None else {"label": label})
        found = asked(client, "sample", **body)["images"]
        tints = tints or [0, 0, 10, 10, 20]
        for image, code, tint in zip(found, noise, tints, strict=True):
            expected = np.round(code + tint).astype(int) % 256
            if tint:  # a negative shade has no defined grey
                assert np.array_equal(pixels_of(image).ravel(), expected)


def test_rows_of_a_batch_are_lines_of_their_own(folder: Path, tmp_path: Path) -> None:
    rows = [{"images": [DARK.tolist(), LIGHT.tolist()]}, {"images": [LIGHT.tolist()]}]
    source, output = tmp_path / "rows.jsonl", tmp_path / "o.jsonl"
    source.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    command = ["tinted", "interpolate", source, output, "--models", folder, "--set", "label=1"]
    assert batch([*map(str, command), "--set", "steps=3"]) == 0
    [row] = map(orjson.loads, output.read_bytes().splitlines())
    assert row["row"] == 0 and len(row["images"]) == 3
    assert np.array_equal(pixels_of(row["images"][2]), LIGHT)


@pytest.mark.parametrize(
    ("path", "body", "status", "line"),
    [
        ("tinted/interpolate", {}, 400, "images is missing"),
        ("tinted/interpolate", {"images": [DARK.tolist()] * 3}, 422, "images holds 3 values"),
        (
            "tinted/interpolate",
            {"images": [DARK.tolist()], "label": 1},
            422,
            "holds 1 values; send 2",
        ),
        ("tinted/interpolate", {"images": [DARK.tolist()] * 2}, 400, "is told the class, 0 to 2"),
        ("tinted/interpolate", {"seeds": [1, 2, 3]}, 422, "seeds holds 3 values; send 2"),
        ("tinted/interpolate", {"seeds": [1, 2], "steps": 1}, 422, "steps is 1"),
        ("tinted/sample", {"label": 3}, 422, "label is 3; send 0 to 2"),
        ("tinted/sample", {"label": True}, 400, "label is true; send"),
        (
            "tinted/blend",
            {"images": [DARK.tolist()], "label": 0, "weights": [1, 2]},
            422,
            "weights",
        ),
        ("tinted/sample", {"count": 3, "label": [0, 1]}, 422, "holds 2 values; send one, or 3"),
        ("tinted/blend", {"images": [DARK.tolist()], "label": 0, "into": 3}, 422, "into is 3"),
        ("negative/sample", {"label": 1}, 400, "label: model 'negative' is told no class"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, path: str, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post(f"/v1/models/{path}", json=body)
    assert answer.status_code == status
    assert line in answer.json()["error"]
