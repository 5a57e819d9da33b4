"""A folder of WAV files, or one of them: signals from -1 to 1 at one rate.

Several channels are mixed to one, files of other rates are resampled. Folders called train, valid
and test decide the splits; else whole files do by share, or, where they are few, the time within
each. A sound that is there twice is taken once: in test before validation before train.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Seed, Share, parse
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows, Fact, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation
from repertoire.kinds.waveforms.encoding import FULL_SCALE, parts_in_time, rows_of
from repertoire.kinds.waveforms.encoding import encode as encode_signals
from repertoire.kinds.waveforms.encoding import expectations as signal_expectations
from repertoire.readers.helpers.options import one_of, refuse, whole_number
from repertoire.readers.helpers.own_files import completed_splits, splits_of, visible_files
from repertoire.readers.helpers.wav_files import (
    WavError,
    file_fact,
    looks_like_wav,
    rate_fact,
    read_wav,
    resampled,
    sound_fact,
    usual_rate,
)
from repertoire.runtime.audio import Sound

KIND = "waveforms"
ENDINGS = (".wav", ".wave")
SAMPLE_BYTES, SAMPLE_FILES = 32 << 20, 20  # of a larger folder, a proposal looks at so much
FEWEST_FILES = 10  # of fewer, each is split by time
FEWEST_SAMPLES = 100  # of a split
LARGEST_BAD_SHARE = 0.1
LARGEST_RATE = 768_000
BASELINE = {"orders": [2, 8, 16, 32, 64], "decays": [0.5, 0.7, 0.85]}
OPTIONS: Mapping[str, str] = {
    "rate": "samples a second; files of another rate are resampled (default: that of most files)",
    "on-bad-row": "fail (default) or drop: what happens to a file that cannot be used",
}


@dataclass(frozen=True)
class Config:
    """``rate`` counts samples a second.

    ``split_by`` files: whole files by share of the time; time, for few files: the first part of
    each trains, the last tests. Folders called train, valid and test decide where there are any.
    """

    rate: Count
    unit: Literal["full scale"]
    split_by: Literal["files", "time"]
    seed: Seed
    valid_share: Share
    test_share: Share
    bad_rows: BadRowRule


Heard = tuple[str, str, Sound]  # name, the split that a folder tells, and what it holds


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row for up to ten seconds of a file."""
    raw, bad = files["raw"], BadRows(config.bad_rows)
    found = wav_files(raw)
    heard = list(sounds(raw, found, splits_of(raw, found, by_name=False), bad))
    return bad.checked(table_of(config, heard))


def wav_files(raw: Path) -> list[Path]:
    """The files whose names end as those of WAV files. Raises SourceError where there are none."""
    found = [path for path in visible_files(raw) if path.suffix.lower() in ENDINGS]
    if not found:
        raise SourceError(
            f"{raw.name}: holds no WAV file ({', '.join(ENDINGS)}); convert others, as with "
            "ffmpeg -i in.mp3 out.wav"
        )
    return found


def sounds(
    raw: Path, files: Sequence[Path], splits: Sequence[str], bad: BadRows
) -> Iterator[Heard]:
    """What can be used; the other files are added to ``bad``."""
    for path, split in zip(files, splits, strict=True):
        name = path.relative_to(raw).as_posix()
        try:
            yield name, split, read_wav(path)
        except WavError as error:
            bad.add(name, None, str(error), "save it again as WAV, or take it out of the data")


def table_of(config: Config, heard: Sequence[Heard]) -> pd.DataFrame:
    """The rows of sounds. Raises SourceError where a split holds too little, or silence alone."""
    signals = [resampled(sound, config.rate) for _, _, sound in heard]
    table = pd.DataFrame([(n, s) for n, s, _ in heard], columns=["file", "split"])
    table["key"] = [hashlib.sha256(each.tobytes()).hexdigest()[:16] for each in signals]
    table = _once(table)
    if config.split_by == "files" or any(table["split"]):
        table["split"] = completed_splits(
            table["split"].tolist(),
            table["key"].tolist(),
            [len(signals[place]) for place in table.index],
            config.seed,
            {"valid": config.valid_share, "test": config.test_share},
        )
    rows: list[dict[str, Any]] = []
    for place, file, split, key in table.itertuples():
        rows += _rows(config, file, split, signals[place], key)
    return _enough(pd.DataFrame(rows))


def _rows(
    config: Config, file: str, split: str, signal: Array, key: str
) -> Iterator[dict[str, Any]]:
    """Parts of one file in different splits are meant to be so: they have no key."""
    if split:
        for row in rows_of(file, split, signal, config.rate):
            yield {**row, "key": key}
        return
    for part, begin, end in parts_in_time(len(signal), config.valid_share, config.test_share):
        for row in rows_of(file, part, signal[begin:end], config.rate, begin):
            yield {**row, "key": None}


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """The table without sounds that are there before; its index tells the places of the others."""
    rank = table["split"].map({"test": 0, "valid": 1, "train": 2, "": 3})
    first = table.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("key")
    return table.loc[sorted(first.index)]


def _enough(table: pd.DataFrame) -> pd.DataFrame:
    for split in SPLITS:
        part = table[table["split"] == split] if len(table) else table
        count = int(part["samples"].sum()) if len(part) else 0
        if count < FEWEST_SAMPLES:
            raise SourceError(
                f"too little signal: {split} gets {count} samples, {FEWEST_SAMPLES} are needed; "
                "give more files, or longer ones"
            )
        if not part["peak"].max():
            raise SourceError(
                f"the part for {split} is silent: all its samples are 0; cut the silence off, or "
                "sort the files into train, valid and test yourself"
            )
    return table


def expectations(config: Config) -> list[Expectation]:
    """Lengths and finite samples."""
    return signal_expectations(config)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.waveforms.encoding`` has it."""
    return encode_signals(config, table)


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """The rate of most files, and splits by file where there are enough of them."""
    on_bad_row = one_of(options, "on-bad-row", ("fail", "drop"))
    asked = whole_number(options, "rate", 1, LARGEST_RATE)
    if unknown := set(options) - set(OPTIONS):
        raise ConfigError(f"--{min(unknown)}: unknown; there are: {', '.join(OPTIONS)}")
    bad = BadRows(BadRowRule("drop", LARGEST_BAD_SHARE))
    files = wav_files(raw)
    splits = splits_of(raw, files, by_name=False)
    sample = _sample(files)
    heard = list(sounds(raw, [files[n] for n in sample], [splits[n] for n in sample], bad))
    _check_heads(raw, [path for n, path in enumerate(files) if n not in set(sample)], bad)
    if on_bad_row == "fail":
        refuse(bad, "files")
    if not heard:
        raise SourceError(f"{raw.name}: none of {len(files):,} WAV files can be used")
    usable, known = len(files) - len(bad.rows), [sound for _, _, sound in heard]
    content: dict[str, Any] = {
        "rate": asked or usual_rate(known),
        "unit": FULL_SCALE,
        "split_by": "files" if usable >= FEWEST_FILES else "time",
        "seed": 1,
        "valid_share": 0.1,
        "test_share": 0.1,
        "bad_rows": {"on_bad_row": on_bad_row, "largest_share": LARGEST_BAD_SHARE},
    }
    table = table_of(parse(Config, content, "waveform_files"), heard)
    others = [path for path in visible_files(raw) if path.suffix.lower() not in ENDINGS]
    facts = [
        file_fact(files, others, known),
        *([Fact("sample", f"{len(sample):,} files were looked at")] if usable > len(known) else []),
        sound_fact(known),
        rate_fact(known, content["rate"], asked=asked is not None),
        _split_fact(table, content["split_by"], told=any(splits)),
        *_left_out(bad, len(files), len(heard) - table["recording"].nunique()),
    ]
    rows = round(len(table) * usable / len(heard))
    return Proposal("waveform_files", content, BASELINE, facts, table, rows)


def _split_fact(table: pd.DataFrame, split_by: str, *, told: bool) -> Fact:
    seconds = table.groupby("split")["seconds"].sum()
    shares = ", ".join(f"{split} {seconds[split]:.3g} seconds" for split in SPLITS)
    how = (
        "told by folders"
        if told
        else "whole files by chance"
        if split_by == "files"
        else f"of each file the first part trains, the last tests (fewer than {FEWEST_FILES} files)"
    )
    return Fact("split", f"{shares}: {how}")


def _left_out(bad: BadRows, total: int, twice: int) -> list[Fact]:
    said = [Fact("duplicates", f"{twice:,} files hold a sound that is there already")]
    found = said if twice else []
    if not bad.rows:
        return [*found, Fact("unusable", "no file")]
    first = bad.rows[0]
    told = f"{len(bad.rows):,} of {total:,} files are left out, the first: {first['file']}: "
    return [*found, Fact("unusable", f"{told}{first['reason']}")]


def _check_heads(raw: Path, files: Sequence[Path], bad: BadRows) -> None:
    """The first bytes of files that are not looked at."""
    for path in files:
        if not looks_like_wav(path):
            bad.add(path.relative_to(raw).as_posix(), None, "it is no WAV file")


def _sample(files: Sequence[Path]) -> list[int]:
    """Places of the files to look at, in order: a seeded sample of bounded size."""
    chosen: list[int] = []
    size = 0
    for place in np.random.default_rng(0).permutation(len(files)):
        if size > SAMPLE_BYTES and len(chosen) >= SAMPLE_FILES:
            break
        chosen.append(int(place))
        size += files[place].stat().st_size
    return sorted(chosen)
