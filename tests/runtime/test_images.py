"""Pictures that come with a request: grey or in colours, as files or as lists."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from repertoire.data.image_files import read_image, read_whole
from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput, Malformed, TooLarge

COLOURS = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)


def file_of(pixels: np.ndarray, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("mode", [None, "RGBA"])
def test_colours_come_as_files_or_as_lists_in_the_order_red_green_blue(mode: str | None) -> None:
    content = file_of(COLOURS, mode)
    for given in (content, base64.b64encode(content).decode(), COLOURS.tolist()):
        assert np.array_equal(images.read(given, 3, 5, 3), COLOURS)


def test_a_grey_file_has_three_equal_colours_where_colours_are_wanted() -> None:
    found = images.read(file_of(COLOURS[..., 0]), 3, 5, 3)
    assert np.array_equal(found, np.repeat(COLOURS[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    ("given", "colours", "line"),
    [
        (COLOURS[..., 0].tolist(), (3,), "a list of red, green and blue"),
        (COLOURS[..., :2].tolist(), (3,), "a list of red, green and blue"),
        (COLOURS.tolist(), (), "a pixel of an image is one number"),
        (COLOURS[:2].tolist(), (3,), "5 x 2 pixels; resize it to 5 x 3"),
    ],
)
def test_a_list_of_another_shape_is_told_what_is_wanted(
    given: list[object], colours: tuple[int, ...], line: str
) -> None:
    with pytest.raises(InvalidInput, match=line):
        images.read(given, 3, 5, *colours)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    return exif


def noise(height: int, width: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


KINDS = {
    "photograph.jpg": (noise(230, 310), {"exif": turned()}),
    "print.jpg": (noise(41, 37, "CMYK"), {}),
    "grey.png": (noise(31, 43, "L"), {}),
    "deep.png": (Image.fromarray(np.arange(0, 65_536, 47, np.uint16)[:1271].reshape(31, 41)), {}),
    "palette.gif": (noise(47, 29, "P"), {"transparency": 7}),
    "clear.webp": (noise(23, 59, "RGBA"), {"lossless": True}),
    "scan.tiff": (noise(29, 53, "1"), {}),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_served_file_becomes_what_it_became_in_training(
    name: str, colours: tuple[int, ...], tmp_path: Path
) -> None:
    image, options = KINDS[name]
    if name == "clear.webp":
        image.putalpha(noise(23, 59, "L"))
    image.save(tmp_path / name, **options)
    content = (tmp_path / name).read_bytes()
    for size in ((16, 24), (64, 64)):
        wanted = read_image(tmp_path / name, 3 if colours else 1, size)
        assert np.array_equal(images.read_fitted(content, *size, *colours), wanted)
    assert np.array_equal(images.read_any(content, 10**6), read_whole(tmp_path / name))


def test_a_file_of_the_wanted_size_upright_is_read_and_another_told_to_be_resized() -> None:
    file = io.BytesIO()
    noise(5, 3).save(file, "JPEG", exif=turned())
    assert images.read(file.getvalue(), 3, 5, 3).shape == (3, 5, 3)
    with pytest.raises(InvalidInput, match="5 x 3 pixels; resize it to 3 x 5"):
        images.read(file.getvalue(), 5, 3, 3)


def test_what_is_no_image_or_too_large_to_be_made_smaller_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Malformed, match="its head is damaged"):
        images.read_fitted(file_of(COLOURS)[:40], 16, 16, 3)
    with pytest.raises(Malformed, match=r"^the image is not an image \(PNG"):
        images.read_fitted(b"no picture", 16, 16, 3)
    monkeypatch.setattr(images, "PIXELS", 14)
    with pytest.raises(TooLarge, match="5 x 3 pixels; resize it to 14 in all"):
        images.read_fitted(file_of(COLOURS), 16, 16, 3)
