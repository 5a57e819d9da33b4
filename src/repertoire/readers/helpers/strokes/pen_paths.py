"""Paths of a pen: from lines of points to movements, and fewer points for the same shape."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array

SIDE = 255  # steps of the longer side of a drawing, as in QuickDraw's simplified files
TOLERANCE = 2.0  # steps by which a simplified line may stray


def simplified(strokes: Sequence[Array]) -> list[Array]:
    """Strokes (points, 2) of any size -> whole numbers from 0 to ``SIDE``, with fewer points.

    A drawing moves to the corner, is scaled to ``SIDE``, and its lines keep the points that
    ``kept_points`` keeps: what QuickDraw did for its simplified files, but for resampling.
    """
    every = np.concatenate(strokes)
    low, size = every.min(0), float(np.ptp(every, axis=0).max())
    scaled = [(stroke - low) * (SIDE / size if size > 0 else 1.0) for stroke in strokes]
    return [np.rint(stroke[kept_points(stroke, TOLERANCE)]).astype(np.int64) for stroke in scaled]


def kept_points(line: Array, tolerance: float) -> Array:
    """Places of the points that keep a line (points, 2) within a tolerance, in order.

    Ramer 1972; Douglas and Peucker 1973.
    """
    kept = np.zeros(len(line), bool)
    kept[[0, -1]] = True
    todo = [(0, len(line) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        gaps = _squared_distances(line[first + 1 : last], line[first], line[last])
        farthest = int(gaps.argmax())
        if gaps[farthest] > tolerance**2:
            middle = first + 1 + farthest
            kept[middle] = True
            todo += [(first, middle), (middle, last)]
    return np.flatnonzero(kept)


def _squared_distances(points: Array, first: Array, last: Array) -> Array:
    """How far each point is from the straight line between two, squared."""
    along, away = last - first, points - first
    length = float(along @ along)
    if length > 0:
        share = np.minimum(np.maximum(away @ along / length, 0), 1)
        away -= share[:, None] * along
    return np.einsum("ij,ij->i", away, away)


def movements(strokes: Sequence[Array]) -> Array:
    """Strokes (points, 2) of whole numbers -> int32 (points, 3): dx, dy, and 1 where a stroke ends.

    The first movement leads from the corner of the drawing to its first point.
    """
    places = np.concatenate(strokes)
    moved = np.diff(places, axis=0, prepend=np.zeros((1, 2), places.dtype))
    pens = np.zeros(len(places), np.int64)
    pens[np.cumsum([len(stroke) for stroke in strokes]) - 1] = 1
    return np.column_stack((moved, pens)).astype(np.int32)


def stepped(offsets: Array, step: float) -> Array:
    """Movements (points, 3) in whole steps: places are rounded, so that no error adds up."""
    places = np.rint(offsets[:, :2].astype(np.float64).cumsum(0) / step)
    moved = np.diff(places, axis=0, prepend=np.zeros((1, 2)))
    pens = offsets[:, 2] > 0.5
    pens[-1] = True
    return np.column_stack((moved, pens)).astype(np.int32)
