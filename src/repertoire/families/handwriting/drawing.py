"""Pen offsets to pictures; numpy and Pillow alone."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array
from repertoire.runtime.inference.handwriting import polylines

HEIGHT, WIDTH = 48, 160  # pixels, one a font unit
BASELINE = 30  # pixels from the top
MARGIN = 6
SKETCH_HEIGHT, SKETCH_WIDTH = 88, 128  # pixels of a sketch, whose size is its own
FINE = 4  # drawn so many times larger and averaged


def picture(points: Array, scale: float) -> Array:
    """uint8 (HEIGHT, WIDTH): bright ink; ``scale`` pixels a unit of the offsets."""
    return _inked([s * scale + (MARGIN, BASELINE) for s in polylines(points)], WIDTH, HEIGHT)


def sketch(points: Array) -> Array:
    """uint8 (SKETCH_HEIGHT, SKETCH_WIDTH): bright ink, centred and as large as fits."""
    strokes = polylines(points)
    if not strokes:
        return _inked([], SKETCH_WIDTH, SKETCH_HEIGHT)
    places, room = np.concatenate(strokes), np.array([SKETCH_WIDTH, SKETCH_HEIGHT])
    low, high = places.min(0), places.max(0)
    scale = ((room - 2 * MARGIN) / np.maximum(high - low, 1e-6)).min()
    placed = [(stroke - (low + high) / 2) * scale + room / 2 for stroke in strokes]
    return _inked(placed, SKETCH_WIDTH, SKETCH_HEIGHT)


def _inked(strokes: Sequence[Array], width: int, height: int) -> Array:
    """uint8 (height, width) with lines through the points of each stroke, given in pixels."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (width * FINE, height * FINE))
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        placed = [tuple(point) for point in FINE * stroke]
        pen.line(placed, fill=255, width=int(1.5 * FINE), joint="curve")
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX))
