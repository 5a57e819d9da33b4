"""WAV files as signals from -1 to 1, and what a look at them tells.

Source: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft 1991), read
by ``scipy.io.wavfile``: PCM of 8 bits (without sign), 16, 24, 32 and 64, and floats of 32 and 64.
"""

import struct
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from repertoire.contract import Array
from repertoire.data.doors import Fact

SIGNATURES = (b"RIFF", b"RIFX", b"RF64")
NOT_WHOLE = "it is no whole WAV file: it is damaged or cut off"
LARGEST = 1e6  # of a float; what is larger is no sound but a damaged file
KINDS = {"u1": "8 bits", "i2": "16 bits", "i4": "24 or 32 bits", "i8": "64 bits"}


class WavError(Exception):
    """The content is no WAV file that can be used; the message says why."""


@dataclass(frozen=True)
class Sound:
    """``signal`` float64 (time,), the mean of its ``channels``, at ``rate`` Hz, and its format."""

    signal: Array
    rate: int
    channels: int
    form: str

    @property
    def seconds(self) -> float:
        return len(self.signal) / self.rate


def looks_like_wav(head: bytes) -> bool:
    """Whether the first twelve bytes of a file are those of a WAV file."""
    return head[:4] in SIGNATURES and head[8:12] == b"WAVE"


def read_wav(path: Path) -> Sound:
    """One file. Raises WavError: damaged, empty, silent, or of another format."""
    from scipy.io import wavfile

    with path.open("rb") as file:
        if not looks_like_wav(file.read(12)):
            raise WavError("it is no WAV file: it does not begin as one")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are not sound
            rate, data = wavfile.read(path)
    except ValueError as error:
        # Of other formats SciPy says which one it is; the rest tells of its own insides.
        told = str(error).startswith(("Unknown", "Unsupported"))
        raise WavError(f"it cannot be read ({error})" if told else NOT_WHOLE) from error
    except (EOFError, struct.error, IndexError, ZeroDivisionError) as error:
        raise WavError(NOT_WHOLE) from error
    if not rate or data.dtype.str[1:] not in (*KINDS, "f4", "f8"):
        raise WavError(f"it is damaged: {rate} Hz and samples of type {data.dtype}")
    channels = data.shape[1] if data.ndim == 2 else 1
    signal = scaled(data).reshape(len(data), channels).mean(1)
    if not len(signal):
        raise WavError("it holds no sample")
    if not (np.abs(signal) <= LARGEST).all():
        raise WavError("it holds samples that are no finite numbers")
    if not signal.any():
        raise WavError("it is silent: all its samples are 0")
    return Sound(signal, int(rate), channels, KINDS.get(data.dtype.str[1:], "floats"))


def scaled(data: Array) -> Array:
    """Samples as they are stored -> float64, the largest that the format holds being 1.

    Of 24 bits SciPy makes the upper ones of 32.
    """
    if data.dtype.kind == "f":
        return data.astype(np.float64)
    bits = 8 * data.dtype.itemsize
    middle = 2.0 ** (bits - 1) if data.dtype.kind == "u" else 0.0
    return (data.astype(np.float64) - middle) / 2.0 ** (bits - 1)


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
