"""The task of models that give a picture a style: stylize.

A net that normalises each picture by its own moments would give every tile of a large one other
colours. So the moments of a large picture are found once, in windows spread evenly over it, and all
of its tiles are normalised by them; and tiles overlap by more than any pixel depends on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Answer, File, Task

IMAGES = 16  # in one request
PIXELS = 2**25  # of one image
WHOLE = 2**20  # pixels that are normalised and painted at once
LONGEST = 4096  # side of those
TILE = 512  # side of a tile; like the overlap a multiple of 4, for the net halves sides twice
OVERLAP = 64  # pixels that a tile is given on each side and not asked for
WINDOWS, WINDOW = 4, 256  # a side, and their own side


def stylize(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Paints images in the style of the model. `images`: a list, each an image file in base64 or
    nested lists of 0 to 255, up to 33,554,432 pixels, and files up to 16,777,216 bytes.

    Answers `results`, for each: image (PNG in base64), height, width.
    """
    results = []
    for picture in _painted(run, request):
        height, width = picture.shape[:2]
        results.append({"image": images.png_base64(picture), "height": height, "width": width})
    return {"results": results}


def picture(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The PNG of a single image."""
    painted = list(_painted(run, request))
    if len(painted) > 1:
        raise InvalidInput(f"images holds {len(painted)} values; send 1, or accept JSON")
    return images.png(painted[0]), {}


def _painted(run: Run, request: Mapping[str, Any]) -> Iterator[Array]:
    fields = Fields(request)
    given = fields.one_or_many("images", IMAGES)
    fields.finish()
    for each in given:
        yield paint(run, images.read_any(each, PIXELS))


def paint(run: Run, photograph: Array) -> Array:
    """uint8[height, width, 3] -> the same shape in the style, in tiles if it is large."""
    height, width = photograph.shape[:2]
    if height * width <= WHOLE and max(height, width) <= LONGEST:
        return run("stylize", "pictures", images=photograph[None])["pictures"][0]
    return tiled(run, photograph, run("moments", images=windows(photograph)))


def windows(photograph: Array) -> Array:
    """uint8[count, side, side, 3]: parts of a picture at even distances, or all of a narrow one."""
    height, width = (min(size, WINDOW) for size in photograph.shape[:2])
    rows, columns = (_spread(size, WINDOW) for size in photograph.shape[:2])
    return np.stack([photograph[y : y + height, x : x + width] for y in rows for x in columns])


def _spread(size: int, window: int) -> list[int]:
    free = max(size - window, 0)
    return sorted({round(free * n / (WINDOWS - 1)) for n in range(WINDOWS)})


def tiled(run: Run, photograph: Array, moments: Mapping[str, Array]) -> Array:
    """uint8[height, width, 3] painted tile by tile, each normalised by the same moments."""
    painted = np.empty_like(photograph)
    for down, above, inner_rows in _spans(photograph.shape[0]):
        for across, left, inner_columns in _spans(photograph.shape[1]):
            tile = {"images": photograph[None, down, across], **moments}
            found = run("stylize_by", "pictures", **tile)["pictures"][0]
            painted[inner_rows, inner_columns] = found[
                above : above + inner_rows.stop - inner_rows.start,
                left : left + inner_columns.stop - inner_columns.start,
            ]
    return painted


def _spans(size: int) -> Iterator[tuple[slice, int, slice]]:
    """Of each tile along a side: what it is given, how much comes before, and what it fills."""
    for start in range(0, size, TILE):
        stop = min(start + TILE, size)
        before = min(start, OVERLAP)
        yield slice(start - before, min(stop + OVERLAP, size)), before, slice(start, stop)


TASKS = {
    "stylize": Task(
        stylize,
        field="images",
        column="image",
        many=True,
        use="painting a picture in the style that it learned",
        example=lambda known: {"images": File("picture.jpg", long=True)},
        rendered={"image/png": picture},
        accept="image/png",
        into="painted.png",
    )
}
