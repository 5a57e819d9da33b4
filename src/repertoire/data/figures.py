"""Figures on disk: an index in JSON, and a PNG for every grid of pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.contract import Array, Figure, Kind, Line
from repertoire.data.files import write_json


def write_figures(folder: Path, figures: Sequence[Figure]) -> None:
    """Write figures.json and PNGs into a folder; equal figures give equal bytes."""
    records = []
    for figure in figures:
        record: dict[str, Any] = {
            "name": figure.name,
            "kind": str(figure.kind),
            "caption": figure.caption,
            "rows": list(figure.rows),
            "columns": list(figure.columns),
            "cells": [list(c) if isinstance(c, tuple) else c for c in figure.cells],
        }
        if figure.kind == Kind.HEATMAP and figure.values is not None:
            record["values"] = np.round(figure.values.astype(float), 4).tolist()
        if figure.kind == Kind.LINES:
            record["lines"] = [_rounded(line) for line in figure.lines]
            record["logarithmic"] = figure.logarithmic
        if figure.kind == Kind.IMAGES and figure.images is not None:
            record["file"] = f"{figure.name}.png"
            save_grid(folder / record["file"], figure.images)
        records.append(record)
    write_json(folder / "figures.json", records)


def _rounded(line: Line) -> dict[str, Any]:
    """Six digits that count: more would be noise in the page."""
    numbers = {key: getattr(line, key) for key in ("x", "y", "low", "high")}
    rounded = {key: [float(f"{v:.6g}") for v in values] for key, values in numbers.items()}
    return {"label": line.label, "points": line.points, "texts": list(line.texts), **rounded}


def save_grid(path: Path, images: Array, scale: int = 2, gap: int = 2) -> None:
    """One PNG of a grid of images as ``Figure`` describes them, enlarged ``scale`` times."""
    from PIL import Image

    rows, columns, height, width, *colours = images.shape
    size = (rows * (height + gap) + gap, columns * (width + gap) + gap)
    canvas = np.full((*size, *colours), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = gap + row * (height + gap), gap + column * (width + gap)
            image = images[row, column]
            canvas[top : top + height, left : left + width] = image if colours else 255 - image
    large = Image.fromarray(canvas).resize(
        (canvas.shape[1] * scale, canvas.shape[0] * scale), Image.Resampling.NEAREST
    )
    large.save(path, optimize=True)
