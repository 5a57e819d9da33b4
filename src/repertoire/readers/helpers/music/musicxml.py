"""Notes of a compressed MusicXML score (.mxl), read with the standard library alone.

Source: MusicXML 4.0, W3C Music Notation Community Group: a part is a list of measures, a measure
moves one clock by notes, ``backup`` and ``forward``, in ``divisions`` of a quarter note.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from xml.etree import ElementTree
from xml.parsers import expat

from repertoire.config import RepertoireError

LARGEST_SCORE = 32 << 20  # bytes once uncompressed; a chorale takes a tenth of a megabyte
LARGEST_TIME = 1 << 16  # quarters; a longer clock is a damaged file, not a piece
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class ScoreError(RepertoireError):
    """A score is damaged, hostile, or of a kind that is not read here."""


@dataclass(frozen=True)
class Note:
    """From ``start`` for ``length``, in quarters; ``pitch`` is a MIDI number, 60 is middle C."""

    start: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True)
class Part:
    """Tied notes are one note, in order of their starts; ``end`` counts the rests too."""

    notes: tuple[Note, ...]
    end: Fraction


def read_mxl(content: bytes) -> list[Part]:
    """The parts of a compressed score. Raises ScoreError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            container = _xml(_member(archive, "META-INF/container.xml"))
            place = container.find(".//{*}rootfile")
            path = None if place is None else place.get("full-path")
            if path is None:
                raise ScoreError("META-INF/container.xml names no score")
            return read_score(_member(archive, path))
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, NotImplementedError) as error:
        raise ScoreError(f"no archive with a score: {error}") from error


def read_score(text: bytes) -> list[Part]:
    """The parts of an uncompressed score. Raises ScoreError."""
    root = _xml(text)
    if root.tag != "score-partwise":
        raise ScoreError(f"the root is {root.tag}; only score-partwise is read")
    try:
        return [_part(part) for part in root.findall("part")]
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise ScoreError(f"a note cannot be read: {error!r}") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    # The size that the archive states may be a lie, so what comes out is counted.
    with archive.open(name) as file:
        content = file.read(LARGEST_SCORE + 1)
    if len(content) > LARGEST_SCORE:
        raise ScoreError(f"{name} is longer than {LARGEST_SCORE:,} bytes")
    return content


def _xml(text: bytes) -> ElementTree.Element:
    """The tree; a document that declares entities is refused before any is expanded."""
    scout = expat.ParserCreate()
    scout.EntityDeclHandler = _refuse_entities
    try:
        scout.Parse(text, True)
        return ElementTree.fromstring(text)
    except (expat.ExpatError, ElementTree.ParseError) as error:
        raise ScoreError(f"no well-formed XML: {error}") from error


def _refuse_entities(name: str, *_: object) -> None:
    raise ScoreError(f"it declares the entity {name}; scores have no use for entities")


def _part(part: ElementTree.Element) -> Part:
    notes: list[Note] = []
    tied: dict[int, int] = {}  # pitch -> the note that waits for its continuation
    clock = _Clock()
    for measure in part.findall("measure"):
        for note, stops, starts in clock.notes(measure):
            before = tied.pop(note.pitch, None) if stops else None
            if before is not None and notes[before].start + notes[before].length == note.start:
                place = before
                notes[place] = replace(
                    notes[place], length=note.start + note.length - notes[place].start
                )
            else:
                place = len(notes)
                notes.append(note)
            if starts:
                tied[note.pitch] = place
    return Part(tuple(sorted(notes, key=lambda n: (n.start, n.pitch))), clock.now)


class _Clock:
    """Where a part stands, in quarters, and how many divisions a quarter has."""

    def __init__(self) -> None:
        self.now, self.divisions = Fraction(0), Fraction(1)

    def notes(self, measure: ElementTree.Element) -> Iterator[tuple[Note, bool, bool]]:
        """Each sounding note of a measure, whether a tie ends in it, and whether one begins."""
        begin = furthest = last = self.now
        for element in measure:
            if element.tag == "attributes" and (text := element.findtext("divisions")):
                self.divisions = Fraction(text)
            elif element.tag in ("backup", "forward"):
                moved = self._length(element)
                self.now += moved if element.tag == "forward" else -moved
                if self.now < begin:
                    raise ScoreError("a backup leaves its measure")
            elif element.tag == "note" and element.find("grace") is None:
                length = self._length(element)
                if element.find("chord") is None:
                    last, self.now = self.now, self.now + length
                ties = {tie.get("type") for tie in element.findall("tie")}
                pitch = element.find("pitch")
                if pitch is not None and element.find("cue") is None:
                    yield Note(last, length, _pitch(pitch)), "stop" in ties, "start" in ties
            furthest = max(furthest, self.now)
        # A measure lasts as long as its longest voice, wherever a backup left the clock.
        self.now = furthest

    def _length(self, element: ElementTree.Element) -> Fraction:
        length = Fraction(element.findtext("duration") or "") / self.divisions
        if length < 0 or self.now + length > LARGEST_TIME:
            raise ScoreError(f"a duration of {length} quarters")
        return length


def _pitch(element: ElementTree.Element) -> int:
    alter = Fraction(element.findtext("alter") or "0")
    if alter.denominator != 1:
        raise ScoreError(f"a note altered by {alter} semitones; quarter tones are not read")
    octave = int(element.findtext("octave") or "")
    return 12 * (octave + 1) + SEMITONES[element.findtext("step") or ""] + int(alter)
