"""Piano rolls, described, judged and encoded: shared by every reader of music.

A frame holds the notes that sound at its instant; a note struck again looks as if it was held.
"""

from collections.abc import Sequence
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
    def parts(self) -> int: ...
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


def roll_expectations(config: Range) -> list[Expectation]:
    """Lengths, range, and how many notes sound at once."""

    def between(meaning: str, column: str, **limits: float) -> Expectation:
        return expect(meaning, "ExpectColumnValuesToBeBetween", column=column, **limits)

    return [
        between("a piece lasts 8 to 400 quarters", "quarters", min_value=8, max_value=400),
        between("no note is below the range", "lowest", min_value=config.lowest),
        between("no note is above the range", "highest", max_value=config.highest),
        between("no more notes sound than there are parts", "most_notes", max_value=config.parts),
        between("hardly a frame is silent", "silent_share", max_value=0.25),
        expect(
            "chords are nearly full",
            "ExpectColumnMeanToBeBetween",
            column="notes_a_frame",
            min_value=0.75 * config.parts,
            max_value=config.parts,
        ),
        expect("a piece is there once", "ExpectColumnValuesToBeUnique", column="piece"),
        expect(
            "chords are MIDI numbers in order of frames",
            "ExpectColumnValuesToMatchRegex",
            column="chords",
            regex=r"^(\d+(-\d+)*|\.)( (\d+(-\d+)*|\.))*$",
        ),
    ]


def encoded_rolls(config: Range, table: "pd.DataFrame") -> Encoded:
    """Rolls (pieces, longest, notes) of 0 and 1, silent behind their ``lengths``, a split."""
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
    return Encoded(arrays, facts, {"roll": {"kind": "piano_roll", **scale}})


def _places(chord: str, config: Range) -> list[int]:
    places = [] if chord == "." else [int(pitch) - config.lowest for pitch in chord.split("-")]
    if any(not 0 <= place <= config.highest - config.lowest for place in places):
        raise RepertoireError(f"chord {chord} leaves the range; widen lowest and highest")
    return places
