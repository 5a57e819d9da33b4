"""What music in a fixed number of parts must meet, such as chorales."""

from typing import Protocol

from repertoire.data.validation import Expectation
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
    """Range, and how many notes sound at once."""
    return [
        *range_expectations(config),
        between("no more notes sound than there are parts", "most_notes", max_value=config.parts),
        *chord_expectations(),
    ]
