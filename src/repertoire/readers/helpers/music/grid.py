"""Notes on a grid of equal steps: rolls, pitches folded into a range, and pieces cut."""

import hashlib
from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np

from repertoire.contract import Array
from repertoire.kinds.piano_rolls.encoding import Chord
from repertoire.readers.helpers.music.midi import MidiPiece

OCTAVE = 12
STEPS = (2, 3, 4, 6, 12)  # per quarter note, from coarse to fine
NEAR = 1 / 48  # quarters: an onset so close to an instant of the grid lies on it
ENOUGH = 0.9  # share of the onsets that a grid should keep
FREE = 4  # steps for music that no grid keeps, because it was played by hand
ROWS = 100  # about so many should be left of little music
SHORTEST_ROW, LONGEST_ROW = 32, 512  # quarters, and steps: gradients go back through a whole row
SHORTEST_CUT = 40  # quarters; a shorter piece is not cut by time


def shares_on_grid(pieces: Sequence[MidiPiece]) -> dict[int, float]:
    """The share of note onsets on the grid of each number of steps."""
    onsets = np.concatenate([piece.notes[:, 0] / piece.ticks for piece in pieces])
    gaps = {steps: np.abs(onsets * steps - np.rint(onsets * steps)) / steps for steps in STEPS}
    return {steps: float((gap <= NEAR + 1e-9).mean()) for steps, gap in gaps.items()}


def chosen_steps(shares: Mapping[int, float]) -> int:
    """The coarsest grid that keeps enough of the onsets; ``FREE`` where none does."""
    return next((steps for steps, share in shares.items() if share >= ENOUGH), FREE)


def row_length(quarters: float, steps: int) -> int:
    """Quarter notes at which pieces are cut, a multiple of four, for so much music in all."""
    bars = max(SHORTEST_ROW, quarters / ROWS)
    return 4 * max(1, int(min(bars, LONGEST_ROW / steps) / 4))


def roll_of(piece: MidiPiece, steps: int, lowest: int, highest: int) -> Array:
    """bool (frames, 128): starts and ends moved to the nearest step, each note a frame at least.

    Whole quarters of silence before the first note are left out; a pitch out of the range moves by
    octaves into it.
    """
    starts, ends, pitches = piece.notes.T
    first, last = ((2 * time * steps + piece.ticks) // (2 * piece.ticks) for time in (starts, ends))
    begin = int(starts.min()) // piece.ticks * steps
    first = first - begin
    last = np.maximum(last - begin, first + 1)
    roll = np.zeros((int(last.max()), 128), bool)
    for start, end, pitch in zip(first, last, folded(pitches, lowest, highest), strict=True):
        roll[start:end, pitch] = True
    return roll


def folded(pitches: Array, lowest: int, highest: int) -> Array:
    """Pitches moved by octaves into a range of at least one octave."""
    up = OCTAVE * np.ceil(np.maximum(0, lowest - pitches) / OCTAVE)
    down = OCTAVE * np.ceil(np.maximum(0, pitches - highest) / OCTAVE)
    return (pitches + up - down).astype(np.int64)


def music_key(roll: Array) -> str:
    """The same for the same music in any key."""
    sounding = np.flatnonzero(roll.any(0))
    shape = roll[:, sounding[0] : sounding[-1] + 1]
    return hashlib.sha256(f"{shape.shape}".encode() + np.packbits(shape).tobytes()).hexdigest()[:16]


def chords(roll: Array) -> list[Chord]:
    """The pitches of each frame."""
    return [tuple(np.flatnonzero(frame).tolist()) for frame in roll]


def parts_in_time(
    frames: int, steps: int, valid_share: float, test_share: float
) -> dict[str, tuple[int, int]]:
    """Where a piece trains, validates and tests, in this order of time, cut at quarters."""
    quarters = ceil(frames / steps)
    if quarters < SHORTEST_CUT:
        return {"train": (0, frames)}
    test = steps * round(quarters * (1 - test_share))
    valid = steps * round(quarters * (1 - test_share - valid_share))
    return {"train": (0, valid), "valid": (valid, test), "test": (test, frames)}


def cuts(begin: int, end: int, steps: int, longest: int, least: int = 1) -> list[tuple[int, int]]:
    """Ranges of nearly equal length from ``begin`` to ``end``, of whole quarters but the last.

    None is longer than ``longest`` quarters, rounded up; there are at least ``least`` of them where
    there are as many quarters.
    """
    quarters = ceil((end - begin) / steps)
    count = max(min(least, quarters), ceil(quarters / longest))
    size = steps * ceil(quarters / count)
    return [(start, min(end, start + size)) for start in range(begin, end, size)]
