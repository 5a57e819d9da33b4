"""Made-up chorales in compressed MusicXML: chords of four voices that follow a few rules."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

STEPS = ("C", "C", "D", "D", "E", "F", "F", "G", "G", "A", "A", "B")
ALTERED = (0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0)
CONTAINER = "<container><rootfiles><rootfile full-path='score.xml'/></rootfiles></container>"


def mxl(score: str) -> bytes:
    """A compressed score."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("score.xml", score)
    return file.getvalue()


def note(pitch: int, duration: int) -> str:
    """One note as MusicXML."""
    step, alter, octave = STEPS[pitch % 12], ALTERED[pitch % 12], pitch // 12 - 1
    return (
        f"<note><pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration></note>"
    )


def score(parts: Sequence[Sequence[tuple[int, int]]]) -> str:
    """A score of parts of (pitch, halves of a quarter), in one measure."""
    bodies = (
        f"<part><measure><attributes><divisions>2</divisions></attributes>"
        f"{''.join(note(*each) for each in part)}</measure></part>"
        for part in parts
    )
    return f"<score-partwise>{''.join(bodies)}</score-partwise>"


def chorale(rng: np.random.Generator) -> str:
    """Triads of a key on a walk of fifths, a quarter or two halves each."""
    key, root, parts = int(rng.integers(0, 5)), 0, [[], [], [], []]
    for _ in range(int(rng.integers(17, 37))):
        root = (root + int(rng.choice([5, 7, 0]))) % 12
        pitches = (43 + key + root % 7, 55 + key + root % 5, 62 + key, 67 + key + root % 3)
        lengths = [2] if rng.random() < 0.5 else [1, 1]
        for part, pitch in zip(parts, pitches, strict=True):
            part.extend((pitch, length) for length in lengths)
    return score(parts)


def write_chorales(path: Path) -> None:
    """A wheel of chorales, and one duet that is passed over."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(97):
            archive.writestr(f"music21/corpus/bach/bwv{number}.mxl", mxl(chorale(rng)))
        duet = score([[(60, 2)] * 11, [(48, 2)] * 11])
        archive.writestr("music21/corpus/bach/duet.mxl", mxl(duet))


ARCHIVES = {"music21-10.5.1-py3-none-any.whl": write_chorales}
DATA = {"chorales": {}}
RECIPES = {
    "chorales_nade": {"units": 11, "hidden": 5, "batch": 7, "chunk": 5, "sample_frames": 23},
}
STAND_INS = {"chorales_lstm": "chorales_nade"}
DATA_OF = {"jsb_chorales": "chorales"}
