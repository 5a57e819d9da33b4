"""Pictures that come with a request: grey or in colours, as files or as lists."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from serving import images
from serving.errors import InvalidInput

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


def test_transparent_pixels_are_white_as_in_training() -> None:
    clear = np.zeros((3, 5, 4), np.uint8)
    clear[0, 0] = (7, 11, 13, 255)
    found = images.read(file_of(clear), 3, 5, 3)
    assert found[0, 0].tolist() == [7, 11, 13] and (found.reshape(-1, 3)[1:] == 255).all()
    assert images.read(file_of(clear), 3, 5)[2, 4] == 255


def test_16_bit_levels_are_scaled_as_in_training() -> None:
    levels = np.full((3, 5), 40_000, np.uint16)
    levels[0, 0] = 65_535
    found = images.read(file_of(levels), 3, 5)
    assert found[0, 0] == 255 and found[2, 4] == 156  # 40,000 / 257
