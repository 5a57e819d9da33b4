"""What a look at MIDI files tells: a grid, a range, and sentences for whoever owns them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.data.dataset import SPLITS
from repertoire.data.doors import BadRows, Fact
from repertoire.readers.helpers.music.grid import ENOUGH, OCTAVE, STEPS, folded
from repertoire.readers.helpers.music.midi import MidiPiece

OUTLIERS = 0.0005  # share of the notes at either end that may lie outside the range
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
PLAIN_TEMPO = 120.0  # quarters per minute, where a file says nothing (Standard MIDI Files 1.0)
TEMPI = (20.0, 400.0)  # that a server plays


def chosen_range(
    pieces: Sequence[MidiPiece], lowest: int | None, highest: int | None
) -> tuple[int, int]:
    """All notes but outliers, an octave at least; what is given stays."""
    pitches = np.sort(np.concatenate([piece.notes[:, 2] for piece in pieces]))
    skipped = int(OUTLIERS * len(pitches))
    low, high = int(pitches[skipped]), int(pitches[len(pitches) - 1 - skipped])
    low = min(low, 128 - OCTAVE) if lowest is None else lowest
    if highest is not None:
        return (min(low, highest - OCTAVE + 1) if lowest is None else low), highest
    return low, max(high, low + OCTAVE - 1)


def usual_program(pieces: Sequence[MidiPiece]) -> int:
    """The program that plays most notes."""
    return sum((piece.programs for piece in pieces), Counter()).most_common(1)[0][0]


def usual_tempo(pieces: Sequence[MidiPiece]) -> float:
    """The median of the first tempo of each file, in quarters per minute."""
    first = [piece.tempi[0] if piece.tempi else PLAIN_TEMPO for piece in pieces]
    return round(float(np.clip(np.median(first), *TEMPI)), 1)


def file_facts(
    files: Sequence[Path],
    others: Sequence[Path],
    sample: Sequence[int],
    pieces: Sequence[MidiPiece],
    bad: BadRows,
) -> list[Fact]:
    """How many files, of which types, how many were looked at, and which cannot be used."""
    size = sum(path.stat().st_size for path in files)
    kinds = Counter(piece.kind for piece in pieces)
    types = ", ".join(f"type {kind}: {count:,}" for kind, count in sorted(kinds.items()))
    held = f"{_counted(len(files), 'MIDI file')}, {size / 1e6:.2g} MB ({types})"
    if others:
        such_as = ":" if len(others) == 1 else ", such as"
        held += f"; {_counted(len(others), 'other file')} passed over{such_as} {others[0].name}"
    facts = [Fact("files", held)]
    if len(sample) < len(files):
        facts.append(Fact("sample", f"what follows is of {len(sample):,} files, drawn by a seed"))
    if bad.rows:
        first = bad.rows[0]
        such_as = ":" if len(bad.rows) == 1 else ", such as"
        left = f"{_counted(len(bad.rows), 'file')} left out{such_as} {first['file']}"
        facts.append(Fact("left out", f"{left}: {first['reason']}"))
    return facts


def grid_fact(shares: Mapping[int, float], steps: int, *, asked: bool) -> Fact:
    """Which share of the onsets each grid keeps, and why one was taken."""
    kept = ", ".join(f"{each}: {100 * share:.1f} %" for each, share in shares.items())
    if asked:
        why = f"{steps} steps per quarter note, as asked"
    elif shares.get(steps, 0) >= ENOUGH:
        why = (
            f"{steps} steps per quarter note, the coarsest grid that keeps {100 * ENOUGH:g} % of "
            "the note onsets"
        )
    else:
        why = (
            f"{steps} steps per quarter note, though no grid keeps {100 * ENOUGH:g} % of the note "
            f"onsets (were they played by hand?); --steps {STEPS[-1]} is finer"
        )
    return Fact(
        "grid",
        f"{why}. Onsets kept by steps: {kept}; the others move to the nearest step. Steps are "
        "parts of a quarter note, so changes of tempo move nothing",
    )


def note_facts(pieces: Sequence[MidiPiece], lowest: int, highest: int) -> list[Fact]:
    """Range, instruments, and what is left out."""
    pitches = np.concatenate([piece.notes[:, 2] for piece in pieces])
    outside = int((folded(pitches, lowest, highest) != pitches).sum())
    programs = sum((piece.programs for piece in pieces), Counter())
    drums = sum(piece.drums for piece in pieces)
    notes = f"{len(pitches):,} notes of {_counted(len(programs), 'instrument')} in one roll"
    notes += f"; {drums:,} drum notes (channel 10) are left out" if drums else "; no drums"
    share = f"{100 * outside / len(pitches):.2g} %"
    moved = f"{_counted(outside, 'note')} outside ({share}) brought into it by octaves"
    metres = Counter(metre for piece in pieces for metre in set(piece.metres))
    told = ", ".join(f"{metre} in {_counted(n, 'file')}" for metre, n in metres.most_common(3))
    return [
        Fact("notes", notes),
        Fact(
            "range",
            f"MIDI numbers {lowest} ({_named(lowest)}) to {highest} ({_named(highest)}); "
            + (moved if outside else "no note lies outside")
            + "; training moves pieces to other keys as far as they stay within",
        ),
        Fact("metre", f"{told or 'not told'}; the net is not given the place in the bar"),
        Fact("not heard", _not_heard(pieces)),
    ]


def _not_heard(pieces: Sequence[MidiPiece]) -> str:
    held, pedals = sum(p.held for p in pieces), sum(p.pedal for p in pieces)
    sentences = ["loudness, and whether a note that goes on is struck again"]
    if pedals:
        sentences.append(f"the sustain pedal ({_counted(pedals, 'file')})")
    if held:
        sentences.append(
            f"where {_counted(held, 'note')} end that no event releases: each lasts a quarter note"
        )
    return "; ".join(sentences)


def row_facts(table: pd.DataFrame, longest: int, files: int, *, told: bool) -> list[Fact]:
    """Rows and splits of a table made of so many files."""
    quarters, counts = table["quarters"], table["split"].value_counts()
    doubled = files - table["file"].nunique()
    again = f"; {_counted(doubled, 'file')} with music that is there already, in any key, left out"
    by_time = table["key"].isna().any()
    how = "by folders" if told else "the first part of each file trains, the last tests: few files"
    if not told and not by_time:
        how = "whole files, by seeded shares of the music"
    return [
        Fact(
            "rows",
            f"{len(table):,} of {quarters.min():g} to {quarters.max():g} quarter notes; pieces of "
            f"more than {longest} are cut{again if doubled else ''}",
        ),
        Fact("split", f"{how}: {', '.join(f'{counts.get(s, 0):,} {s}' for s in SPLITS)} rows"),
    ]


def _named(pitch: int) -> str:
    return f"{NAMES[pitch % OCTAVE]}{pitch // OCTAVE - 1}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
