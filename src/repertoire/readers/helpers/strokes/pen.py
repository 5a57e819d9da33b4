"""Words written by a pen: glyphs set on a line, distorted as hands do, and sampled in steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.config import NonNegative
from repertoire.contract import Array
from repertoire.readers.helpers.strokes.hershey import Font

JOIN = 1.0  # font units: strokes that meet as closely are one movement of the pen
DENSE = 0.5  # font units between the points on which distortions act
WAVES = (11.0, 19.0, 37.0)  # lengths of a wobble's waves along the pen's way, in font units


@dataclass(frozen=True)
class Hand:
    """How far a hand strays at most; each word draws its own slant, size and turn.

    ``step`` is the length of a pen offset, ``wobble`` and ``jitter`` are deviations: all three in
    font units (a small letter is 14 high). ``slant`` and ``turn`` are tangents, ``size`` and
    ``speed`` shares by which letters and steps grow or shrink. ``jitter`` is the noise of the
    tablet: without it a step of known length would have no finite density.
    """

    step: NonNegative
    slant: NonNegative
    size: NonNegative
    turn: NonNegative
    wobble: NonNegative
    speed: NonNegative
    jitter: NonNegative


def set_word(text: str, font: Font) -> tuple[list[Array], float]:
    """The strokes of a word from x = 0 on, those that meet joined; and where the next begins."""
    strokes: list[Array] = []
    place = 0.0
    for letter in text:
        glyph = font[letter]
        for stroke in glyph.strokes:
            moved = stroke + np.array([place - glyph.left, 0.0])
            if strokes and np.hypot(*(moved[0] - strokes[-1][-1])) < JOIN:
                strokes[-1] = np.concatenate((strokes[-1], moved))
            else:
                strokes.append(moved)
        place += glyph.right - glyph.left
    return strokes, place


def write_word(text: str, font: Font, hand: Hand, rng: np.random.Generator) -> Array:
    """Pen offsets float (points, 3): dx, dy (down) in font units, and 1 where a stroke ends.

    The pen comes from where the word begins on the baseline. The last point leaves for the place
    where a next word's would begin; it draws nothing and counts as a stroke's end.
    """
    strokes, end = set_word(text, font)
    slant, turn = rng.uniform(-1, 1, 2) * (hand.slant, hand.turn)
    width, height = 1 + rng.uniform(-1, 1, 2) * hand.size
    shape = np.array([[1, -turn], [turn, 1]]) @ np.array([[width, -slant], [0, height]])
    places, last = _sampled([_dense(s) @ shape.T for s in strokes], hand, rng)
    places = np.concatenate((places, [shape @ (end, 0.0)]))
    places += rng.normal(0, hand.jitter, places.shape)
    offsets = np.diff(places, axis=0, prepend=[(0.0, 0.0)])
    return np.column_stack((offsets, [*last, 1.0]))


def _dense(stroke: Array) -> Array:
    """Points along a stroke at most ``DENSE`` apart."""
    gaps = np.hypot(*np.diff(stroke, axis=0).T)
    way = np.concatenate(([0.0], np.cumsum(gaps)))
    marks = np.linspace(0, way[-1], max(2, int(way[-1] / DENSE) + 1))
    return np.column_stack([np.interp(marks, way, axis) for axis in stroke.T])


def _sampled(strokes: Sequence[Array], hand: Hand, rng: np.random.Generator) -> tuple[Array, Array]:
    """Points of all strokes in steps of the hand's length, and which of them end a stroke.

    Wobble and speed are smooth along the way of the pen over the whole word.
    """
    phases = rng.uniform(0, 2 * np.pi, (2, len(WAVES)))
    tempo, beat = rng.uniform(0, 2 * np.pi), rng.uniform(30, 90)
    heights = hand.wobble * rng.normal(0, 1, phases.shape) / np.sqrt(len(WAVES))
    places, last, gone = [], [], 0.0
    for stroke in strokes:
        gaps = np.hypot(*np.diff(stroke, axis=0).T)
        way = gone + np.concatenate(([0.0], np.cumsum(gaps)))
        waves = 2 * np.pi * way[:, None, None] / np.array(WAVES) + phases
        bent = stroke + (heights * np.sin(waves)).sum(2)
        pace = hand.step * (1 + hand.speed * np.sin(2 * np.pi * way / beat + tempo))
        time = np.concatenate(([0.0], np.cumsum(gaps / pace[1:])))
        marks = np.linspace(0, time[-1], max(1, round(time[-1])) + 1)
        places.append(np.column_stack([np.interp(marks, time, axis) for axis in bent.T]))
        last += [0.0] * (len(marks) - 1) + [1.0]
        gone = way[-1]
    return np.concatenate(places), np.array(last)
