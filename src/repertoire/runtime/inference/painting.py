"""Pictures painted in a style, however large they are: in tiles, with memory for one of them.

A net that normalises each picture by its own moments would give every tile of a large one other
colours. So the moments of a large picture are found once, in windows spread evenly over it, and all
of its tiles are normalised by them; and tiles overlap by more than any pixel depends on.

Measured on two cores with the net that ships: 2.5 s a megapixel in tiles, 150 MB for a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from repertoire.runtime.signature import Array, Run

TILE = 512  # side of a tile; like the overlap a multiple of 4, for the net halves sides twice
OVERLAP = 64  # pixels that a tile is given on each side and not asked for
WHOLE = (TILE + 2 * OVERLAP) ** 2  # pixels of one run: of a tile, all windows, a whole picture
LONGEST = 4096  # side of a picture that is painted at once
WINDOWS = 4  # a side of the picture
WINDOW = (TILE + 2 * OVERLAP) // WINDOWS  # side of a window: all are as many pixels as a tile


def steps(photograph: Array) -> int:
    """How many runs `paint` takes for uint8[height, width, 3]."""
    height, width = photograph.shape[:2]
    return 1 if _fits(photograph) else 1 + -(-height // TILE) * -(-width // TILE)


def paint(run: Run, photograph: Array, picture: Array) -> Iterator[None]:
    """Paints uint8[height, width, 3] into an array of its shape; yields after each run."""
    if _fits(photograph):
        picture[:] = run("stylize", "pictures", images=photograph[None])["pictures"][0]
        yield
        return
    moments = run("moments", images=windows(photograph))
    yield
    yield from tiled(run, photograph, picture, moments)


def tiled(
    run: Run, photograph: Array, picture: Array, moments: Mapping[str, Array]
) -> Iterator[None]:
    """Paints tile by tile, each normalised by the same moments; yields after each."""
    for down, above, inner_rows in _spans(photograph.shape[0]):
        for across, left, inner_columns in _spans(photograph.shape[1]):
            tile = {"images": photograph[None, down, across], **moments}
            found = run("stylize_by", "pictures", **tile)["pictures"][0]
            picture[inner_rows, inner_columns] = found[
                above : above + inner_rows.stop - inner_rows.start,
                left : left + inner_columns.stop - inner_columns.start,
            ]
            yield


def windows(photograph: Array) -> Array:
    """uint8[count, side, side, 3]: parts of a picture at even distances, or all of a narrow one."""
    height, width = (min(size, WINDOW) for size in photograph.shape[:2])
    rows, columns = (_spread(size, WINDOW) for size in photograph.shape[:2])
    return np.stack([photograph[y : y + height, x : x + width] for y in rows for x in columns])


def _fits(photograph: Array) -> bool:
    height, width = photograph.shape[:2]
    return height * width <= WHOLE and max(height, width) <= LONGEST


def _spread(size: int, window: int) -> list[int]:
    free = max(size - window, 0)
    return sorted({round(free * n / (WINDOWS - 1)) for n in range(WINDOWS)})


def _spans(size: int) -> Iterator[tuple[slice, int, slice]]:
    """Of each tile along a side: what it is given, how much comes before, and what it fills."""
    for start in range(0, size, TILE):
        stop = min(start + TILE, size)
        before = min(start, OVERLAP)
        yield slice(start - before, min(stop + OVERLAP, size)), before, slice(start, stop)
