"""Piano rolls, described, validated and encoded: shared by every reader of music.

A frame holds the notes that sound at its instant; a note struck again looks as if it was held.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.validation import Expectation, expect

if TYPE_CHECKING:
    import pandas as pd

Chord = tuple[int, ...]


class Range(Protocol):
    """What of a reader's config decides a roll; ``lowest`` and ``highest`` are MIDI numbers."""

    @property
    def steps_a_quarter(self) -> int: ...
    @property
    def lowest(self) -> int: ...
    @property
    def highest(self) -> int: ...


def described(name: str, roll: Sequence[Chord], steps_a_quarter: int) -> dict[str, object]:
    """The row of a piece; ``chords`` holds its frames as text, such as ``48-55-64-72 . 48-55``."""
    pitches = [pitch for chord in roll for pitch in chord]
    return {
        "piece": name,
        "frames": len(roll),
        "quarters": len(roll) / steps_a_quarter,
        "lowest": min(pitches, default=0),
        "highest": max(pitches, default=0),
        "most_notes": max(map(len, roll), default=0),
        "notes_a_frame": len(pitches) / max(1, len(roll)),
        "silent_share": sum(not chord for chord in roll) / max(1, len(roll)),
        "chords": " ".join("-".join(map(str, chord)) or "." for chord in roll),
    }


def between(meaning: str, column: str, **limits: float) -> Expectation:
    """Every value of a column lies within ``min_value`` and ``max_value``."""
    return expect(meaning, "ExpectColumnValuesToBeBetween", column=column, **limits)


def range_expectations(config: Range) -> list[Expectation]:
    """No note leaves the range."""
    return [
        between("no note is below the range", "lowest", min_value=config.lowest),
        between("no note is above the range", "highest", max_value=config.highest),
    ]


def chord_expectations() -> list[Expectation]:
    """Names and chords are what ``described`` writes."""
    return [
        expect("a piece is there once", "ExpectColumnValuesToBeUnique", column="piece"),
        expect(
            "chords are MIDI numbers in order of frames",
            "ExpectColumnValuesToMatchRegex",
            column="chords",
            regex=r"^(\d+(-\d+)*|\.)( (\d+(-\d+)*|\.))*$",
        ),
    ]


def encoded_rolls(
    config: Range, table: "pd.DataFrame", playback: Mapping[str, float] | None = None
) -> Encoded:
    """Rolls (pieces, longest, notes) of 0 and 1, silent behind their ``lengths``, a split.

    ``playback`` is what a player of composed music takes where a client says nothing: ``program``
    of General MIDI, counted from 0, and ``tempo`` in quarters per minute.
    """
    notes = config.highest - config.lowest + 1
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        lengths = rows["frames"].to_numpy(np.int64)
        rolls = np.zeros((len(rows), int(lengths.max()), notes), np.uint8)
        for number, chords in enumerate(rows["chords"]):
            for place, chord in enumerate(chords.split(" ")):
                rolls[number, place, _places(chord, config)] = 1
        arrays[split] = {"rolls": rolls, "lengths": lengths}
    scale = {"lowest": config.lowest, "notes": notes, "steps_a_quarter": config.steps_a_quarter}
    facts = {
        "frames": {split: int(arrays[split]["lengths"].sum()) for split in SPLITS},
        "pieces": {split: len(arrays[split]["lengths"]) for split in SPLITS},
        **scale,
    }
    return Encoded(arrays, facts, {"roll": {"kind": "piano_roll", **scale, **(playback or {})}})


def _places(chord: str, config: Range) -> list[int]:
    places = [] if chord == "." else [int(pitch) - config.lowest for pitch in chord.split("-")]
    if any(not 0 <= place <= config.highest - config.lowest for place in places):
        raise RepertoireError(f"chord {chord} leaves the range; widen lowest and highest")
    return places
