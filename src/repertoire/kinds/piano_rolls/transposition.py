"""Music in other keys, as learners train on it and baselines count it."""

import numpy as np

from repertoire.contract import Array


def room(rolls: Array, most: int) -> Array:
    """By how many semitones each piece (time, notes) can be moved: (pieces, 2), down and up.

    At most ``most`` either way, and never out of the range.
    """
    sounding: Array = np.asarray(rolls.any(axis=1))
    below = sounding.argmax(1)
    above = sounding[:, ::-1].argmax(1)
    return np.stack((-np.minimum(below, most), np.minimum(above, most)), axis=1)


def transposed(rolls: Array, semitones: Array) -> Array:
    """Rolls (pieces, time, notes), each moved by its own number of semitones within ``room``."""
    pairs = zip(rolls, semitones, strict=True)
    return np.stack([np.roll(roll, shift, axis=1) for roll, shift in pairs])
