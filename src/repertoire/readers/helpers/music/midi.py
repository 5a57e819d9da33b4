"""Notes of a Standard MIDI File, read by mido.

Source: Standard MIDI Files 1.0, International MIDI Association 1988. Times are in ticks, parts of a
quarter note, so a change of tempo moves no note.
"""

import io
import struct
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repertoire.config import RepertoireError
from repertoire.contract import Array

LARGEST_FILE = 4 << 20  # bytes; an hour of piano takes half a megabyte
LONGEST = 1 << 16  # quarters; a longer piece is a damaged file
DRUMS = 9  # the channel of percussion, counted from 0 (General MIDI)
SUSTAIN, PRESSED = 64, 64  # controller of the sustain pedal, and the value from which it is down
PIANO = 0  # program of General MIDI, counted from 0


class MidiError(RepertoireError):
    """A file is damaged, or of a kind that has no quarter notes."""


@dataclass
class MidiPiece:
    """``notes`` int64 (notes, 3): start and end in ticks, and pitch; ``ticks`` are a quarter note.

    Drums are counted and left out. ``programs`` counts the notes of each program, ``held`` those
    that are never released: they last a quarter note.
    """

    ticks: int
    kind: int = 1
    notes: Array = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    programs: Counter[int] = field(default_factory=Counter)
    drums: int = 0
    held: int = 0
    pedal: bool = False
    tempi: list[float] = field(default_factory=list)  # quarters per minute, in order of the file
    metres: list[str] = field(default_factory=list)  # time signatures, such as 3/4

    @property
    def quarters(self) -> float:
        """From the start of the file to the end of its last note."""
        return float(self.notes[:, 1].max(initial=0) / self.ticks)


def read_midi(content: bytes) -> MidiPiece:
    """The notes of a file of type 0 or 1. Raises MidiError."""
    import mido

    if len(content) > LARGEST_FILE:
        raise MidiError(f"larger than {LARGEST_FILE >> 20} MiB, which no piece of music takes")
    content = _unwrapped(content)
    kind, division = header(content)
    try:
        file = mido.MidiFile(file=io.BytesIO(content))
    # mido raises whatever a damaged byte leads to, an Exception of its own for a key signature.
    except Exception as error:
        what = "it ends too early" if isinstance(error, EOFError) else " ".join(str(error).split())
        raise MidiError(f"damaged MIDI ({what or type(error).__name__})") from error
    piece = MidiPiece(division, kind)
    notes = [note for track in file.tracks for note in _Track(piece).notes(track)]
    if notes:
        piece.notes = np.array(sorted(notes), np.int64)
    if len(piece.notes) and piece.notes[:, 1].max() > LONGEST * division:
        raise MidiError(f"lasts more than {LONGEST:,} quarter notes: damaged")
    return piece


def header(content: bytes) -> tuple[int, int]:
    """The type, 0 or 1, and the ticks of a quarter note; the start of a file is enough.

    Raises MidiError.
    """
    content = _unwrapped(content)
    if not content:
        raise MidiError("empty")
    if len(content) < 14 or content[:4] != b"MThd":
        raise MidiError("no MIDI file: it does not begin with MThd")
    kind, _, division = struct.unpack(">hhh", content[8:14])
    if kind == 2:
        raise MidiError("type 2: a collection of patterns, not one piece; save it as type 1")
    if kind not in (0, 1):
        raise MidiError(f"damaged MIDI (type {kind})")
    if division < 0:
        raise MidiError(
            "its time is in frames of film (SMPTE), not in quarter notes; save it with ticks per "
            "quarter note"
        )
    if division == 0:
        raise MidiError("damaged MIDI (a quarter note of no ticks)")
    return kind, division


def _unwrapped(content: bytes) -> bytes:
    """The file inside a RIFF container (.rmi), where it lies in one."""
    return content[20:] if content[:4] == b"RIFF" and content[8:12] == b"RMID" else content


class _Track:
    """Where one track stands."""

    def __init__(self, piece: MidiPiece) -> None:
        self.piece, self.now = piece, 0
        self.programs: defaultdict[int, int] = defaultdict(lambda: PIANO)
        self.begun: dict[tuple[int, int], list[int]] = {}  # channel and pitch -> starts

    def notes(self, track: Any) -> list[tuple[int, int, int]]:
        """(start, end, pitch) of each note; a release ends all that sound at its pitch."""
        found = []
        for message in track:
            self.now += message.time
            if message.type == "note_on" and message.velocity:
                self._begin(message.channel, message.note)
            elif message.type in ("note_on", "note_off"):
                for start in self.begun.pop((message.channel, message.note), ()):
                    found.append((start, self.now, message.note))
            else:
                self._note_other(message)
        for (_, pitch), starts in self.begun.items():
            self.piece.held += len(starts)
            found += [(start, start + self.piece.ticks, pitch) for start in starts]
        return found

    def _begin(self, channel: int, pitch: int) -> None:
        if channel == DRUMS:
            self.piece.drums += 1
            return
        self.piece.programs[self.programs[channel]] += 1
        self.begun.setdefault((channel, pitch), []).append(self.now)

    def _note_other(self, message: Any) -> None:
        if message.type == "program_change":
            self.programs[message.channel] = message.program
        elif message.type == "control_change":
            self.piece.pedal |= message.control == SUSTAIN and message.value >= PRESSED
        elif message.type == "set_tempo" and message.tempo > 0:
            self.piece.tempi.append(60_000_000 / message.tempo)
        elif message.type == "time_signature":
            self.piece.metres.append(f"{message.numerator}/{message.denominator}")
