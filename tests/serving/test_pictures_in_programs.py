"""Tasks over images in a program: arrays, files, Pillow's images, one and many."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import standins
from PIL import Image
from test_detect_task import write

from repertoire.runtime import load, task
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.loaded import LoadedModel

PIXELS = np.arange(35, dtype=np.uint8).reshape(5, 7)


@pytest.fixture(scope="module")
def negative(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("models") / "negative"
    standins.negative(folder)
    return load(folder)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("models") / "tables"
    write(folder, pictures=False)
    return load(folder)


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_an_image_is_an_array_a_file_its_bytes_or_one_of_pillow(
    negative: LoadedModel, tmp_path: Path
) -> None:
    image = Image.fromarray(PIXELS)
    path = tmp_path / "a.png"
    path.write_bytes(file_of(image))
    for given in (PIXELS, PIXELS.tolist(), path, str(path), path.read_bytes(), image):
        assert np.array_equal(negative.reconstruct(given)["image"], 255 - PIXELS)
    for mode in ("P", "RGB", "RGBA", "CMYK"):
        assert np.array_equal(negative.reconstruct(image.convert(mode))["image"], 255 - PIXELS)
    with pytest.raises(Malformed, match="mode HSV; convert it to RGB"):
        negative.reconstruct(image.convert("RGB").convert("HSV"))


def test_many_images_are_as_many_answers_however_they_come(negative: LoadedModel) -> None:
    many = [PIXELS + n for n in range(67)]
    for given in (many, np.stack(many), [each.tolist() for each in many]):
        found = negative.reconstruct(given)
        assert [int(each["image"][0, 0]) for each in found] == [255 - n for n in range(67)]
    assert len(negative.reconstruct([PIXELS])) == 1
    with pytest.raises(InvalidInput, match=r"images\[2\]: the image is 5 x 7 pixels; resize"):
        negative.reconstruct([PIXELS, PIXELS, PIXELS.T])


def test_images_are_drawn_in_groups_and_the_same_whatever_the_group(
    negative: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "PAUSE", 0)
    events = list(negative.sample.steps(73, seed=11))
    assert [content for kind, content in events if kind == "progress"] == [
        {"done": 32, "of": 73},
        {"done": 64, "of": 73},
        {"done": 73, "of": 73},
    ]
    signs = np.random.default_rng(11).standard_normal((73, 3), np.float32)[:, 0] > 0
    drawn = events[-1][1]["images"]
    assert [int(image[0, 0]) for image in drawn] == [255 if sign else 0 for sign in signs]


def test_rows_of_a_table_are_lists_or_objects_and_one_or_many(tables: LoadedModel) -> None:
    one = tables.detect([3, 5], normal="short")
    assert one["columns"]["y"] == {"value": 5, "expected": 0, "error": 25}
    assert tables.detect({"x": 3, "y": 5}, normal="short") == one
    assert tables.detect(rows=[3, 5], normal="short") == one
    for given in ([[3, 5]], [{"x": 3, "y": 5}], np.array([[3.0, 5.0]])):
        assert tables.detect(given, normal="short") == [one]
    schema = tables.detect.task.request_schema(tables.model)
    assert list(schema["properties"]) == ["rows", "normal"]
    assert schema["properties"]["normal"]["enum"] == ["short", "long", 0, 1]
    assert tables.detect.task.answer_schema()["properties"]["results"]["items"]["required"] == [
        "anomaly",
        "score",
    ]
