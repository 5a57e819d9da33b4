"""What music in a fixed number of parts must meet, such as chorales."""

from typing import Protocol

from repertoire.data.validation import Expectation, expect
from repertoire.kinds.piano_rolls.encoding import (
    Range,
    between,
    chord_expectations,
    range_expectations,
)


class PartRange(Range, Protocol):
    """The config of a reader of pieces with ``parts`` voices."""

    @property
    def parts(self) -> int: ...


def part_expectations(config: PartRange) -> list[Expectation]:
    """Lengths, range, and how many notes sound at once."""
    return [
        between("a piece lasts 8 to 400 quarters", "quarters", min_value=8, max_value=400),
        *range_expectations(config),
        between("no more notes sound than there are parts", "most_notes", max_value=config.parts),
        between("hardly a frame is silent", "silent_share", max_value=0.25),
        expect(
            "chords are nearly full",
            "ExpectColumnMeanToBeBetween",
            column="notes_a_frame",
            min_value=0.75 * config.parts,
            max_value=config.parts,
        ),
        *chord_expectations(),
    ]
