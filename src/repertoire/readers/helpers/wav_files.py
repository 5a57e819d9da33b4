"""WAV files as signals from -1 to 1, and what a look at them tells."""

from collections import Counter
from collections.abc import Sequence
from math import gcd
from pathlib import Path

import numpy as np

from repertoire.contract import Array
from repertoire.data.doors import Fact
from repertoire.runtime import audio
from repertoire.runtime.audio import Sound
from repertoire.runtime.errors import InvalidInput, Malformed

LARGEST = 1e6  # of a float; what is larger is no sound but a damaged file


class WavError(Exception):
    """The content is no WAV file that can be used; the message says why."""


def looks_like_wav(path: Path) -> bool:
    """Whether a file begins as a WAV file."""
    with path.open("rb") as file:
        return audio.begins_as_wav(file.read(12))


def read_wav(path: Path) -> Sound:
    """One file. Raises WavError: damaged, empty, silent, or of another format."""
    if not looks_like_wav(path):
        raise WavError("it is no WAV file: it does not begin as one")
    try:
        sound = audio.read(path.read_bytes(), "it")
    except (InvalidInput, Malformed) as error:
        raise WavError(str(error)) from None
    if not len(sound.signal):
        raise WavError("it holds no sample")
    if not (np.abs(sound.signal) <= LARGEST).all():
        raise WavError("it holds samples that are no finite numbers")
    if not sound.signal.any():
        raise WavError("it is silent: all its samples are 0")
    return sound


def resampled(sound: Sound, rate: int) -> Array:
    """The signal at another rate, behind a low-pass filter (polyphase, a Kaiser window)."""
    from scipy.signal import resample_poly

    if sound.rate == rate:
        return sound.signal
    common = gcd(sound.rate, rate)
    found: Array = resample_poly(sound.signal, rate // common, sound.rate // common)
    return found


def usual_rate(sounds: Sequence[Sound]) -> int:
    """The rate of most files; of equally many the lowest."""
    counts = Counter(sound.rate for sound in sounds)
    return min(counts, key=lambda rate: (-counts[rate], rate))


def file_fact(files: Sequence[Path], others: Sequence[Path], sounds: Sequence[Sound]) -> Fact:
    """How many files, how large, of which formats, and how many channels."""
    size = sum(path.stat().st_size for path in files)
    forms = Counter(sound.form for sound in sounds)
    told = ", ".join(f"{form}: {count:,}" for form, count in forms.most_common())
    held = f"{_counted(len(files), 'WAV file')}, {size / 1e6:.2g} MB ({told})"
    if mixed := sum(sound.channels > 1 for sound in sounds):
        held += f"; the channels of {_counted(mixed, 'file')} are mixed to one"
    if others:
        held += f"; {_counted(len(others), 'other file')} passed over{_such_as(others)}"
    return Fact("files", held)


def rate_fact(sounds: Sequence[Sound], rate: int, *, asked: bool) -> Fact:
    """At which rate, why, and how many files change theirs."""
    moved = Counter(sound.rate for sound in sounds if sound.rate != rate)
    said = f"{rate:,} Hz" + (", as asked" if asked else ", that of most files (--rate)")
    if moved:
        rates = ", ".join(f"{count:,} from {each:,} Hz" for each, count in sorted(moved.items()))
        said += f"; resampled: {rates}"
    return Fact("rate", said)


def sound_fact(sounds: Sequence[Sound]) -> Fact:
    """How long and how loud."""
    seconds = sum(sound.seconds for sound in sounds)
    peak = max(float(np.abs(sound.signal).max()) for sound in sounds)
    longest = max(sound.seconds for sound in sounds)
    said = f"{_time(seconds)} in all, the longest file {_time(longest)}; the loudest sample is "
    return Fact("sound", f"{said}{peak:.3g} of full scale")


def _such_as(files: Sequence[Path]) -> str:
    return f"{': ' if len(files) == 1 else ', such as '}{files[0].name}"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} seconds" if seconds < 120 else f"{seconds / 60:.3g} minutes"


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
