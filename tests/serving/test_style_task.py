"""The task `stylize`, against a stand-in whose style is to take the darkest value off."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import standins
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from repertoire.runtime import load, task
from repertoire.runtime.inference import painting
from repertoire.runtime.tasks import style
from serving.batch import command as batch

SIZE = ("batch", "height", "width", 3)


def darkening(folder: Path) -> None:
    """Takes the darkest value of all off: of a picture, or that which `moments` found."""
    images, pictures = ("images", "uint8", SIZE, 0, 255), ("pictures", "uint8", SIZE, 0, 255)
    means, deviations = ("means", "float32", (1,)), ("deviations", "float32", (1,), 0, None)
    node = helper.make_node
    floats = node("Cast", ["images"], ["values"], to=TensorProto.FLOAT)
    darkest = node("ReduceMin", ["values", "axes"], ["darkest"], keepdims=1)
    flat = [
        node("Reshape", ["darkest", "one"], ["means"]),
        node("Identity", ["ones"], ["deviations"]),
    ]

    def taken(what: str) -> list[object]:
        cast = node("Cast", ["rest"], ["pictures"], to=TensorProto.UINT8)
        return [node("Sub", ["values", what], ["rest"]), cast]

    numbers = {"axes": np.array([0, 1, 2, 3]), "one": np.array([1])}
    numbers["ones"] = np.array([1], np.float32)
    entries = []
    for name, nodes, inputs, outputs in (
        ("stylize", [floats, darkest, *taken("darkest")], [images], [pictures]),
        ("moments", [floats, darkest, *flat], [images], [means, deviations]),
        (
            "stylize_by",
            [floats, node("Mul", ["means", "deviations"], ["off"]), *taken("off")],
            [images, means, deviations],
            [pictures],
        ),
    ):
        used = {name for each in nodes for name in each.input}
        weights = {key: value for key, value in numbers.items() if key in used}
        model = standins.graph_model(nodes, inputs, outputs, weights)
        entries.append(standins.graph_entry(folder, name, model, inputs, outputs))
    standins.write_manifest(folder, "style_transfer", ["stylize"], entries)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("styles")
    darkening(root / "dark")
    return root


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WHOLE": 100, "TILE": 8, "OVERLAP": 4, "WINDOW": 5}.items():
        monkeypatch.setattr(painting, name, value)


def picture(height: int, width: int) -> np.ndarray:
    values = np.arange(height * width * 3) % 200 + 30
    return values.reshape(height, width, 3).astype(np.uint8)


def file_of(pixels: np.ndarray, kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **more)
    return file.getvalue()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decoded(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_pictures_of_several_sizes_are_painted_in_their_order(client: TestClient) -> None:
    given = [picture(3, 5), picture(7, 2)]
    body = {"images": [encoded(file_of(given[0])), given[1].tolist()]}
    results = client.post("/v1/models/dark/stylize", json=body).json()["results"]
    assert [(each["height"], each["width"]) for each in results] == [(3, 5), (7, 2)]
    for each, before in zip(results, given, strict=True):
        assert np.array_equal(decoded(each["image"]), before - before.min())


def test_one_picture_comes_as_a_file_to_who_accepts_that(client: TestClient) -> None:
    body = {"images": encoded(file_of(picture(3, 5)))}
    headers = {"Accept": "image/png"}
    answer = client.post("/v1/models/dark/stylize", json=body, headers=headers)
    assert answer.headers["content-type"] == "image/png"
    found = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert np.array_equal(found, picture(3, 5) - 30)
    body = {"images": [picture(1, 2).tolist()] * 2}
    answer = client.post("/v1/models/dark/stylize", json=body, headers=headers)
    assert answer.status_code == 422 and "send 1, or accept JSON" in answer.json()["error"]


@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("size", [(11, 13), (8, 16), (3, 47), (41, 5), (29, 31)])
def test_a_large_picture_is_painted_in_tiles_by_one_set_of_moments(
    client: TestClient, size: tuple[int, int]
) -> None:
    given = picture(*size)
    given[0, 0, 0] = 7  # the darkest, in the first window and in one tile alone
    body = {"images": encoded(file_of(given))}
    [found] = client.post("/v1/models/dark/stylize", json=body).json()["results"]
    assert np.array_equal(decoded(found["image"]), given - 7)


@pytest.mark.usefixtures("tiles")
def test_whoever_goes_away_stops_the_work_between_two_tiles(
    stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "PAUSE", 0)
    model, asked = load(stock / "dark"), []
    run, model.run = (
        model.run,
        lambda *names, **inputs: asked.append(names[0]) or run(*names, **inputs),
    )
    events = model.stylize.steps([picture(29, 31), picture(3, 5)])
    assert next(events) == ("progress", {"done": 1, "of": 1 + 4 * 4 + 1})
    assert next(events)[1]["done"] == 2
    events.close()
    assert asked == ["moments", "stylize_by"]


@pytest.mark.usefixtures("tiles")
def test_no_run_is_given_more_pixels_than_a_tile_with_its_overlap(stock: Path) -> None:
    model, largest = load(stock / "dark"), []
    run = model.run

    def watched(*names: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        largest.append(inputs["images"][..., 0].size)
        return run(*names, **inputs)

    model.run = watched
    [found] = model.stylize([picture(29, 53)])
    assert np.array_equal(found["image"], picture(29, 53) - 30)
    assert max(largest) == 16 * 5 * 5  # the windows; a tile with its overlap has 16 * 16 at most


def test_what_one_run_is_given_in_truth_is_bounded_alike() -> None:
    tile = (painting.TILE + 2 * painting.OVERLAP) ** 2
    assert painting.windows(np.zeros((1999, 2003, 3), np.uint8))[..., 0].size <= tile
    assert tile >= painting.WHOLE


@pytest.mark.usefixtures("tiles")
def test_windows_reach_all_corners_and_are_alike() -> None:
    found = painting.windows(picture(23, 17))
    assert found.shape == (16, 5, 5, 3)
    assert np.array_equal(found[0], picture(23, 17)[:5, :5])
    assert np.array_equal(found[-1], picture(23, 17)[-5:, -5:])
    assert painting.windows(picture(3, 47)).shape == (4, 3, 5, 3)


def test_a_photograph_is_painted_upright_as_its_camera_was_held(client: TestClient) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: a quarter turn
    content = file_of(picture(3, 5), "JPEG", exif=turned)
    [found] = client.post("/v1/models/dark/stylize", json={"images": encoded(content)}).json()[
        "results"
    ]
    assert (found["height"], found["width"]) == (5, 3)


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ({}, 400, "images is missing"),
        ({"images": []}, 422, "images holds 0 values; send 1 to 16"),
        ({"images": ["no base64!"]}, 400, "not valid base64"),
        ({"images": [encoded(b"GIF89a")]}, 400, "its head is damaged"),
        ({"images": [[[0] * 5] * 3]}, 422, "a list of red, green and blue"),
        ({"images": [[[[0, 0, 256]]]]}, 422, "from 0 to 255"),
        ({"images": [[[[0, 0, 0]]]], "style": "wave"}, 400, "unknown field style"),
    ],
)
def test_a_bad_request_is_told_what_to_change(
    client: TestClient, body: dict[str, object], status: int, line: str
) -> None:
    answer = client.post("/v1/models/dark/stylize", json=body)
    assert answer.status_code == status and line in answer.json()["error"]


def test_a_picture_of_too_many_pixels_or_bytes_is_refused_before_it_is_decoded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repertoire.runtime import images

    bomb = encoded(file_of(np.zeros((8192, 4097), np.uint8)))
    answer = client.post("/v1/models/dark/stylize", json={"images": bomb})
    assert answer.status_code == 413
    assert "4097 x 8192 pixels; resize it to 33554432 in all" in answer.json()["error"]
    monkeypatch.setattr(style, "PIXELS", 47)
    pair = [encoded(file_of(picture(3, 5)))] * 4  # of which three fit, and 2 pixels more
    answer = client.post("/v1/models/dark/stylize", json={"images": pair})
    assert answer.status_code == 413
    assert "images[3]: the image is 5 x 3 pixels; resize it to 2 in all" in answer.json()["error"]
    monkeypatch.setattr(images, "BYTES", 47)
    answer = client.post("/v1/models/dark/stylize", json={"images": encoded(b"x" * 48)})
    assert answer.status_code == 413 and "at most 47; save it as" in answer.json()["error"]


def test_a_folder_of_pictures_is_painted_and_the_bad_one_set_aside(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "PIXELS", 40)
    folder, output = tmp_path / "pictures", tmp_path / "o.jsonl"
    folder.mkdir()
    for height in (3, 5):
        (folder / f"{height}.png").write_bytes(file_of(picture(height, 7)))
    (folder / "large.png").write_bytes(file_of(picture(7, 7)))
    arguments = ["dark", "stylize", str(folder), str(output), "--models", str(models)]
    assert batch.main(arguments) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(each["file"], each["height"]) for each in rows] == [("3.png", 3), ("5.png", 5)]
    assert np.array_equal(decoded(rows[1]["image"]), picture(5, 7) - 30)
    [bad] = (tmp_path / "o.jsonl.errors.jsonl").read_text().splitlines()
    assert "7 x 7 pixels; resize it to 40 in all" in json.loads(bad)["reason"]
