"""A folder of MIDI files, sampled on a grid of quarter notes into piano rolls.

All instruments but drums sound in one roll. A piece longer than ``longest`` quarters is cut into
rows of nearly equal length; rows without a note are left out, and music that is there twice, in any
key, is taken once: in test before validation before train. The sustain pedal is not played.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Natural, Positive, Seed, Share, parse
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation
from repertoire.kinds.piano_rolls.encoding import (
    between,
    chord_expectations,
    described,
    encoded_rolls,
    range_expectations,
)
from repertoire.readers.helpers.music.grid import (
    OCTAVE,
    chords,
    chosen_steps,
    cuts,
    music_key,
    parts_in_time,
    roll_of,
    row_length,
    shares_on_grid,
)
from repertoire.readers.helpers.music.midi import MidiError, MidiPiece, header, read_midi
from repertoire.readers.helpers.music.midi_facts import (
    chosen_range,
    file_facts,
    grid_fact,
    note_facts,
    row_facts,
    usual_program,
    usual_tempo,
)
from repertoire.readers.helpers.options import one_of, refuse, whole_number
from repertoire.readers.helpers.own_files import completed_splits, splits_of, visible_files

KIND = "piano_rolls"
ENDINGS = (".mid", ".midi", ".smf", ".kar", ".rmi")
SAMPLE_BYTES, SAMPLE_FILES = 2 << 20, 20  # of a larger folder, a proposal looks at so much
FEWEST_PIECES = 10  # of fewer files, each is split by time
LARGEST_BAD_SHARE = 0.1
MOST_COUNTED = 1_000_000  # frames of all keys together that baselines count in reasonable time
OPTIONS: Mapping[str, str] = {
    "steps": "steps per quarter note (default: the coarsest of 2, 3, 4, 6, 12 that keeps onsets)",
    "lowest": "lowest MIDI number; lower notes move up by octaves (default: from the notes)",
    "highest": "highest MIDI number; higher notes move down by octaves (default: from the notes)",
    "longest": "quarter notes of a row; longer pieces are cut (default: 32 up to about 512 steps)",
    "on-bad-row": "fail (default) or drop: what happens to a file that cannot be used",
}


@dataclass(frozen=True)
class Config:
    """``lowest`` and ``highest`` are MIDI numbers at least an octave apart.

    ``split_by`` pieces: whole files by share of the music; time, for few files: the first part of
    each trains, the last tests. Folders called train, valid and test decide where there are any.
    ``program`` of General MIDI and ``tempo`` are what composed music is played with.
    """

    steps_a_quarter: Count
    lowest: Natural
    highest: Count
    longest: Count  # quarters of a row
    split_by: Literal["pieces", "time"]
    seed: Seed
    valid_share: Share
    test_share: Share
    program: Natural
    tempo: Positive
    bad_rows: BadRowRule


Read = tuple[str, str, MidiPiece]  # name, the split that a folder tells, and what it holds


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a piece or a part of one; ``chords`` holds its frames as text."""
    raw, bad = files["raw"], BadRows(config.bad_rows)
    found = midi_files(raw)
    read = list(read_pieces(raw, found, splits_of(raw, found, by_name=False), bad))
    return bad.checked(table_of(config, read))


def midi_files(raw: Path) -> list[Path]:
    """The files whose names end as MIDI files do. Raises SourceError where there are none."""
    found = [path for path in visible_files(raw) if path.suffix.lower() in ENDINGS]
    if not found:
        raise SourceError(f"{raw.name}: holds no MIDI file ({', '.join(ENDINGS)})")
    return found


def other_files(raw: Path) -> list[Path]:
    """The files that are passed over."""
    return [path for path in visible_files(raw) if path.suffix.lower() not in ENDINGS]


def read_pieces(
    raw: Path, files: Sequence[Path], splits: Sequence[str], bad: BadRows
) -> Iterator[Read]:
    """The pieces that can be used; the others are added to ``bad``."""
    for path, split in zip(files, splits, strict=True):
        name = path.relative_to(raw).as_posix()
        try:
            piece = read_midi(path.read_bytes())
        except MidiError as error:
            bad.add(name, None, str(error), "save it again as MIDI")
            continue
        if len(piece.notes):
            yield name, split, piece
        else:
            heard = "no note but drums, which are left out" if piece.drums else "no note"
            bad.add(name, None, f"it holds {heard}", "take it out of the data")


def table_of(config: Config, read: Sequence[Read]) -> pd.DataFrame:
    """The rows of pieces. Raises ConfigError for a range below an octave, SourceError for none."""
    if not 0 <= config.lowest <= config.highest - OCTAVE + 1 <= 128 - OCTAVE:
        raise ConfigError(
            f"lowest {config.lowest} and highest {config.highest}: give MIDI numbers from 0 to 127 "
            "that span at least an octave"
        )
    steps = config.steps_a_quarter
    rolls = [roll_of(piece, steps, config.lowest, config.highest) for _, _, piece in read]
    table = pd.DataFrame([(name, split) for name, split, _ in read], columns=["file", "split"])
    table["music"] = [music_key(roll) for roll in rolls]
    table = _once(table)
    if config.split_by == "pieces" or any(table["split"]):
        shares = {"valid": config.valid_share, "test": config.test_share}
        table["split"] = completed_splits(
            table["split"].tolist(),
            table["music"].tolist(),
            [len(rolls[place]) for place in table.index],
            config.seed,
            shares,
        )
    rows = []
    for place, file, split, music in table.itertuples():
        spans = {split: (0, len(rolls[place]))}
        if not split:
            spans = parts_in_time(len(rolls[place]), steps, config.valid_share, config.test_share)
        ranges = [
            (part, *cut)
            for part, (begin, end) in spans.items()
            for cut in cuts(
                begin, end, steps, config.longest, 2 if not split and part == "test" else 1
            )
        ]
        for number, (part, begin, end) in enumerate(ranges, 1):
            roll = rolls[place][begin:end]
            if roll.any():
                name = file if len(ranges) == 1 else f"{file} #{number}"
                # Parts of one piece in different splits are meant to be so.
                known = {"split": part, "key": music if split else None, "file": file}
                rows.append({**described(name, chords(roll), steps), **known})
    return _enough(pd.DataFrame(rows))


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """The table without music that is there before; its index tells the places of what is left."""
    rank = table["split"].map({"test": 0, "valid": 1, "train": 2, "": 3})
    first = table.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("music")
    return table.loc[sorted(first.index)]


def _enough(table: pd.DataFrame) -> pd.DataFrame:
    counts = table["split"].value_counts() if len(table) else pd.Series(dtype=int)
    few = [split for split in SPLITS if counts.get(split, 0) < (2 if split == "test" else 1)]
    if few:
        raise SourceError(
            f"too little music: {len(table)} rows, and not enough of them for {few[0]}; give more "
            "files, or longer ones"
        )
    return table


def expectations(config: Config) -> list[Expectation]:
    """Lengths, a note in each row, and the range."""
    longest = config.longest + 1
    return [
        between("a row is no longer than it may be", "quarters", min_value=0, max_value=longest),
        between("a note sounds in each row", "most_notes", min_value=1),
        *range_expectations(config),
        *chord_expectations(),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rolls (rows, longest, notes) of 0 and 1, silent behind their ``lengths``, a split.

    ``pieces`` numbers the file that each row is a part of.
    """
    encoded = encoded_rolls(config, table, {"program": config.program, "tempo": config.tempo})
    for split in SPLITS:
        files = table.loc[table["split"] == split, "file"]
        encoded.arrays[split]["pieces"] = pd.factorize(files)[0].astype("int64")
    encoded.facts["tempo"] = config.tempo
    encoded.facts["files"] = table.groupby("split")["file"].nunique().to_dict()
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """A grid, a range and a length of rows that fit the notes of the files."""
    on_bad_row = one_of(options, "on-bad-row", ("fail", "drop"))
    bad = BadRows(BadRowRule("drop", LARGEST_BAD_SHARE))
    files = midi_files(raw)
    splits = splits_of(raw, files, by_name=False)
    sample = _sample(files, splits)
    read = list(read_pieces(raw, [files[n] for n in sample], [splits[n] for n in sample], bad))
    _check_headers(raw, [path for n, path in enumerate(files) if n not in set(sample)], bad)
    if on_bad_row == "fail":
        refuse(bad, "files")
    if not read:
        raise SourceError(f"{raw.name}: none of {len(files):,} MIDI files holds a note to learn")
    pieces, usable = [piece for _, _, piece in read], len(files) - len(bad.rows)
    shares = shares_on_grid(pieces)
    content = {
        **_settings(options, pieces, usable / len(read), chosen_steps(shares)),
        "split_by": "pieces" if usable >= FEWEST_PIECES else "time",
        "seed": 1,
        "valid_share": 0.1,
        "test_share": 0.1,
        "bad_rows": {"on_bad_row": on_bad_row, "largest_share": LARGEST_BAD_SHARE},
    }
    table = table_of(parse(Config, content, "midi_folder"), read)
    rows = round(len(table) * usable / len(read))
    frames = int(table["frames"].mean() * rows)
    keys = max(0, min(6, (MOST_COUNTED // max(1, frames) - 1) // 2))
    facts = [
        *file_facts(files, other_files(raw), sample, pieces, bad),
        grid_fact(shares, content["steps_a_quarter"], asked="steps" in options),
        *note_facts(pieces, content["lowest"], content["highest"]),
        *row_facts(table, content["longest"], len(read), told=any(splits)),
    ]
    return Proposal("midi_folder", content, {"pseudo": 0.5, "transpose": keys}, facts, table, rows)


def _settings(
    options: Mapping[str, str], pieces: Sequence[MidiPiece], times: float, steps: int
) -> dict[str, Any]:
    """What options and notes decide; there is so many ``times`` the music of ``pieces``."""
    steps = whole_number(options, "steps", 1, 24) or steps
    lowest, highest = chosen_range(
        pieces, whole_number(options, "lowest", 0, 116), whole_number(options, "highest", 11, 127)
    )
    longest = whole_number(options, "longest", 4, 4096)
    return {
        "steps_a_quarter": steps,
        "lowest": lowest,
        "highest": highest,
        "longest": longest or row_length(times * sum(piece.quarters for piece in pieces), steps),
        "program": usual_program(pieces),
        "tempo": usual_tempo(pieces),
    }


def _check_headers(raw: Path, files: Sequence[Path], bad: BadRows) -> None:
    """The first bytes of files that are not looked at."""
    for path in files:
        try:
            with path.open("rb") as file:
                header(file.read(64))
        except MidiError as error:
            bad.add(path.relative_to(raw).as_posix(), None, str(error))


def _sample(files: Sequence[Path], splits: Sequence[str]) -> list[int]:
    """Places of the files to look at, in order: a seeded sample with as much of each split."""
    order = np.random.default_rng(0).permutation(len(files))
    turn = pd.Series([splits[n] for n in order]).groupby([splits[n] for n in order]).cumcount()
    chosen: list[int] = []
    size = 0
    for place in order[np.argsort(turn, kind="stable")]:
        if size > SAMPLE_BYTES and len(chosen) >= SAMPLE_FILES:
            break
        chosen.append(int(place))
        size += files[place].stat().st_size
    return sorted(chosen)
