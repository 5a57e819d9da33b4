"""Pen offsets to pictures; numpy and Pillow alone."""

import numpy as np

from repertoire.contract import Array

HEIGHT, WIDTH = 48, 160  # pixels, one a font unit
BASELINE = 30  # pixels from the top
MARGIN = 6
FINE = 4  # drawn so many times larger and averaged


def polylines(points: Array) -> list[Array]:
    """points (time, 3) -> where the pen went down, (points, 2) a stroke; single dots are left out.

    A movement inks if the point before it did not end a stroke; the first comes through the air.
    """
    places = points[:, :2].astype(np.float64).cumsum(0)
    ends = np.flatnonzero(points[:, 2] > 0.5) + 1
    return [stroke for stroke in np.split(places, ends) if len(stroke) > 1]


def picture(points: Array, scale: float) -> Array:
    """uint8 (HEIGHT, WIDTH): bright ink; ``scale`` pixels a unit of the offsets."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    pen = ImageDraw.Draw(canvas)
    for stroke in polylines(points):
        placed = FINE * (stroke * scale + (MARGIN, BASELINE))
        pen.line([tuple(p) for p in placed], fill=255, width=int(1.5 * FINE), joint="curve")
    return np.asarray(canvas.resize((WIDTH, HEIGHT), Image.Resampling.BOX))
