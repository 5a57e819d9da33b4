"""Four-part chorales in MusicXML, sampled at a fixed step into piano rolls.

Read are the scores with exactly four parts, as they are written: repeats are not played twice,
grace notes are left out. A frame holds the notes that sound at its instant; a note struck again
looks as if it was held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed, Share
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, members, unexpected
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.piano_rolls.encoding import Chord, described, encoded_rolls
from repertoire.readers.helpers.music.musicxml import Part, ScoreError, read_mxl
from repertoire.readers.helpers.music.parts import part_expectations

KIND = "piano_rolls"


@dataclass(frozen=True)
class Config:
    """``lowest`` and ``highest`` are MIDI numbers; ``valid`` and ``test`` are shares of pieces.

    Pieces that share a passage of ``passage`` frames, in any key, stay in one split.
    """

    members: str
    parts: Count
    steps_a_quarter: Count
    lowest: Natural
    highest: Count
    passage: Count
    seed: Seed
    valid_share: Share
    test_share: Share


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a piece; ``chords`` holds its frames as text, such as ``48-55-64-72 48-55``."""
    path = files["scores"]
    rows, rolls = [], []
    for member, content in members(path, config.members):
        try:
            parts = read_mxl(content)
        except ScoreError as error:
            raise unexpected(path, f"{member}: {error}") from error
        if len(parts) == config.parts:
            rolls.append(sampled(parts, config.steps_a_quarter))
            rows.append(
                {
                    **described(PurePosixPath(member).stem, rolls[-1], config.steps_a_quarter),
                    "uneven": float(max(p.end for p in parts) - min(p.end for p in parts)),
                }
            )
    if not rows:
        raise unexpected(path, f"no score with {config.parts} parts matches {config.members}")
    table = pd.DataFrame(rows)
    passages = [passages_of(roll, config.passage) for roll in rolls]
    # The same music under two numbers, perhaps in another key, is one piece.
    table = table[~pd.Series([frozenset(p) for p in passages]).duplicated()]
    table["key"] = families([passages[index] for index in table.index])
    table["split"] = _splits(config, table["key"])
    return table.reset_index(drop=True)


def sampled(parts: Sequence[Part], steps: int) -> list[Chord]:
    """The notes that sound at each of ``steps`` instants a quarter, lowest first."""
    frames: list[set[int]] = [set() for _ in range(ceil(max(part.end for part in parts) * steps))]
    for note in (note for part in parts for note in part.notes):
        for frame in frames[ceil(note.start * steps) : ceil((note.start + note.length) * steps)]:
            frame.add(note.pitch)
    return [tuple(sorted(frame)) for frame in frames]


def passages_of(roll: Sequence[Chord], length: int) -> set[tuple[Chord, ...]]:
    """Every run of ``length`` frames, moved so that its lowest note is 0; a short piece is one."""
    runs = [roll[i : i + length] for i in range(max(1, len(roll) - length + 1))]
    found = set()
    for run in runs:
        base = min((chord[0] for chord in run if chord), default=0)
        found.add(tuple(tuple(pitch - base for pitch in chord) for chord in run))
    return found


def families(passages: Sequence[set[tuple[Chord, ...]]]) -> list[str]:
    """A name for each piece, the same for pieces linked by common passages, near or far."""
    root = list(range(len(passages)))

    def top(piece: int) -> int:
        while root[piece] != piece:
            piece = root[piece]
        return piece

    owner: dict[tuple[Chord, ...], int] = {}
    for piece, own in enumerate(passages):
        for passage in own:
            one, other = top(owner.setdefault(passage, piece)), top(piece)
            root[max(one, other)] = min(one, other)
    return [f"family {top(piece)}" for piece in range(len(passages))]


def _splits(config: Config, keys: "pd.Series[str]") -> list[str]:
    """Whole families, shuffled, into test and valid until each has its share of the pieces."""
    sizes = keys.value_counts()
    order = np.random.default_rng(config.seed).permutation(sorted(sizes.index))
    split, dealt = {}, 0
    for family in order:
        done = dealt / len(keys)
        held = config.test_share + config.valid_share
        split[family] = "test" if done < config.test_share else "valid" if done < held else "train"
        dealt += int(sizes[family])
    return [split[key] for key in keys]


def expectations(config: Config) -> list[Expectation]:
    """Range, how many notes sound at once, and that no part ends before the others."""
    together = "ExpectColumnValuesToBeBetween"
    return [
        *part_expectations(config),
        expect("all parts end together", together, column="uneven", max_value=0),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rolls (pieces, longest, notes) of 0 and 1, silent behind their ``lengths``, a split."""
    return encoded_rolls(config, table)
