"""Standard MIDI Files, written by hand.

Source: Standard MIDI-File Format Specification 1.1, International MIDI Association 1988. A file is
one header and, in format 0, one track of events, each after a number of ticks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

TICKS = 480  # of a quarter note, or nearly so many: a whole number of each step
CHOIR = 52  # program of General MIDI, counted from 0
VELOCITY = 80
NOTE_OFF, NOTE_ON, PROGRAM = 0x80, 0x90, 0xC0  # on the first channel
END_OF_TRACK = b"\xff\x2f\x00"


def midi(
    frames: Sequence[Sequence[int]], steps_a_quarter: int, tempo: float, program: int = CHOIR
) -> bytes:
    """The file of frames of MIDI numbers, `tempo` quarters a minute, in the model's own grid.

    A note that sounds in consecutive frames is held; whether it is struck again, frames do not say.
    """
    step = max(1, TICKS // steps_a_quarter)
    track = b"".join(_events(frames, step, tempo, program))
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, step * steps_a_quarter)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _events(
    frames: Sequence[Sequence[int]], ticks: int, tempo: float, program: int
) -> Iterator[bytes]:
    microseconds = round(60_000_000 / tempo)
    yield b"\x00\xff\x51\x03" + microseconds.to_bytes(3, "big")
    yield bytes([0, PROGRAM, program])
    sounding: set[int] = set()
    waited = 0
    for frame in [*frames, ()]:
        now = set(frame)
        # Ends before beginnings: a player that counts voices must not see one too many.
        changes = [(NOTE_OFF, note) for note in sorted(sounding - now)]
        changes += [(NOTE_ON, note) for note in sorted(now - sounding)]
        for kind, note in changes:
            yield variable_length(waited) + bytes([kind, note, VELOCITY])
            waited = 0
        sounding = now
        waited += ticks
    yield variable_length(waited - ticks) + END_OF_TRACK


def variable_length(number: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last carry the eighth bit."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))
