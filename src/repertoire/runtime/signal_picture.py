"""A signal and what follows it, drawn as a PNG file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from repertoire.runtime.signature import Array

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT, MARGIN = 960, 320, 24  # pixels
PAPER, INK, NEW, PALE = (255, 255, 255), (90, 98, 110), (31, 95, 191), (222, 226, 233)


def picture_of(given: Array, made: Array, rate: float, unit: str) -> bytes:
    """The PNG file: time to the right, the signal upwards; `given` in grey, then `made` in blue.

    Both are in `unit` at `rate` Hz. A pixel that several samples fall on spans them all.
    """
    from PIL import Image, ImageDraw  # servers of language models never need it

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    whole = np.concatenate((given, made))
    words = f"{min(0.0, whole.min()):.3g} to {max(0.0, whole.max()):.3g} {unit}"
    # Differences of the largest numbers, or of the smallest, would be no numbers.
    whole = whole / (np.abs(whole).max() or 1)
    low, high = float(min(0.0, whole.min())), float(max(0.0, whole.max()))
    high = high if high > low else low + 1
    across = MARGIN + (WIDTH - 2 * MARGIN) * np.arange(len(whole)) / max(1, len(whole) - 1)
    down = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (whole - low) / (high - low)
    zero = HEIGHT - MARGIN + (HEIGHT - 2 * MARGIN) * low / (high - low)
    draw.line([(MARGIN, zero), (WIDTH - MARGIN, zero)], PALE)
    start = len(given)
    _course(draw, across[:start], down[:start], INK)
    _course(draw, across[max(0, start - 1) :], down[max(0, start - 1) :], NEW)
    words = f"{words}, {len(whole) / rate:.3g} seconds at {rate:g} Hz"
    draw.text((MARGIN, 6), words, INK)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _course(draw: ImageDraw, across: Array, down: Array, colour: tuple[int, int, int]) -> None:
    if len(across) > 1:
        draw.line(list(zip(across.tolist(), down.tolist(), strict=True)), colour, 1)
    elif len(across):
        draw.point([(float(across[0]), float(down[0]))], colour)
