"""What a data set of piano rolls says of itself."""

from typing import Literal, NotRequired

from repertoire.data.facts import CommonFacts, Counts


class Facts(CommonFacts):
    """Notes are MIDI numbers."""

    kind: Literal["piano_rolls"]
    frames: Counts
    pieces: Counts  # rolls, which may be parts of a file
    lowest: int
    notes: int  # from the lowest to the highest, both included
    steps_a_quarter: int  # frames of a quarter note
    tempo: NotRequired[float]  # quarters per minute, where a client says nothing
    files: NotRequired[Counts]
