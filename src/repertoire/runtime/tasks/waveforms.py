"""The tasks of models of signals: continue, likelihood.

A signal comes as numbers in the model's unit, or as a WAV file at its rate. Its first sample
follows silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime import audio
from repertoire.runtime.companding import decoded, encoded
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.inference.waveforms import PIECE, after_silence, continued, log_probs
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Many, Media, Seed, Size
from repertoire.runtime.signal_picture import picture_of
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Event, Known, Pace, Task, last

SAMPLES = 1 << 20  # of one signal
SIGNALS = 256  # in one request
NEW = 16_384  # samples that are drawn for one request

Wav = Annotated[Any, Media("audio/wav")]
Signal = Annotated[list[float], Size(1, SAMPLES)]


@dataclass(frozen=True)
class Continue:
    samples: Annotated[
        list[float], Size(0, SAMPLES), "the signal, in the unit of the model; none is silence"
    ] = field(default_factory=list)
    audio: Annotated[Wav, "a WAV file at the rate of the model in place of samples"] = None
    count: Annotated[
        int | None, Between(1, NEW), f"new samples; usually a second of them, at most {NEW}"
    ] = None
    temperature: Annotated[float, Between(0, 100), "0 takes the likeliest level"] = 1.0
    seed: Seed = None


class Continued(TypedDict):
    samples: Annotated[list[float], "the new ones"]
    rate: Annotated[float, "Hz"]
    unit: Annotated[str, "of the samples"]
    given: Annotated[int, "how many samples were given"]
    clipped: Annotated[int, "how many of those were louder than the model knows"]
    seed: int


@dataclass(frozen=True)
class Judge:
    samples: Annotated[
        list[Signal], Many(SIGNALS), "a signal, in the unit of the model, or a list of such"
    ] = field(default_factory=list)
    audio: Annotated[
        list[Wav], Many(SIGNALS), "WAV files at the rate of the model in place of samples"
    ] = field(default_factory=list)


class Judged(TypedDict):
    samples: Annotated[int, "how many"]
    nats: Annotated[float, "negative log-likelihood as levels, the first one after silence"]
    nats_per_sample: Annotated[float, "nats divided by samples"]
    clipped: Annotated[int, "how many were louder than the model knows"]


@dataclass(frozen=True)
class Wave:
    """What the levels of a model are: Hz, the `unit`, and what of it the loudest level stands for.

    `full_scale` is what a sample of 1 in a WAV file is in the unit.
    """

    rate: float
    scale: float
    unit: str
    full_scale: float

    def levels(self, signal: Array) -> Array:
        """Of a signal in the unit; what is louder than the loudest level becomes it."""
        return encoded(np.clip(signal, -self.scale, self.scale) / self.scale)

    def louder(self, signal: Array) -> int:
        """How many samples are clipped."""
        return int((np.abs(signal) > self.scale).sum())

    def signal(self, levels: Array) -> Array:
        return self.scale * decoded(levels)

    def heard(self, sound: Any, path: str) -> Array:
        """The samples of a WAV file, in the unit. Raises Malformed and InvalidInput."""
        heard = audio.read_sent(sound, path)
        if heard.rate != self.rate:
            raise InvalidInput(
                f"{path} is at {heard.rate} Hz, the model at {self.rate:g} Hz; resample it first: "
                f"ffmpeg -i in.wav -ar {self.rate:g} out.wav"
            )
        if not 1 <= len(heard.signal) <= SAMPLES:
            raise InvalidInput(f"{path} holds {len(heard.signal)} samples; send 1 to {SAMPLES}")
        with np.errstate(over="ignore"):
            return np.nan_to_num(
                heard.signal * self.full_scale
            )  # beyond numbers is too loud as well

    def wav(self, signal: Array) -> bytes:
        """The file of a signal in the unit."""
        with np.errstate(over="ignore"):
            return audio.wav(signal / self.full_scale, self.rate)


def go_on(model: Model, run: Run, request: Continue) -> Continued:
    """Draws how a signal may go on, sample by sample; without one, after silence.

    As a WAV file or a picture the answer holds the signal and what follows it.
    """
    answer: Continued = last(go_on_events(model, run, request))
    return answer


def go_on_events(model: Model, run: Run, request: Continue) -> Iterator[Event]:
    """How many samples are there, then all."""
    wave = _wave(model)
    given = _given(request, wave)
    count = _second(wave) if request.count is None else request.count
    seed = secrets.randbits(32) if request.seed is None else request.seed
    drawn = continued(run, wave.levels(given)[None], request.temperature, seed)
    levels, pace = np.empty(count, np.uint8), Pace(count)
    for place, level in enumerate(islice(drawn, count)):
        levels[place] = level[0]
        yield from pace.at(place + 1)
    answer: Continued = {
        "samples": [float(f"{value:.6g}") for value in wave.signal(levels)],
        "rate": wave.rate,
        "unit": wave.unit,
        "given": len(given),
        "clipped": wave.louder(given),
        "seed": seed,
    }
    yield "done", answer


def file(model: Model, request: Continue, answer: Continued) -> bytes:
    """The signal and what follows it as a WAV file."""
    wave = _wave(model)
    return wave.wav(np.concatenate((_given(request, wave), answer["samples"])))


def picture(model: Model, request: Continue, answer: Continued) -> bytes:
    """The signal in grey and what follows it in blue."""
    wave = _wave(model)
    made = np.array(answer["samples"])
    return picture_of(_given(request, wave), made, wave.rate, wave.unit)


def likelihood(model: Model, run: Run, request: Judge) -> list[Judged]:
    """How likely signals are, and so which one is unusual."""
    answers: list[Judged] = last(likelihood_events(model, run, request))
    return answers


def likelihood_events(model: Model, run: Run, request: Judge) -> Iterator[Event]:
    """How many samples are scored, then what was found of each signal."""
    wave = _wave(model)
    signals = _signals(request, wave)
    answers, done, pace = list[Judged](), 0, Pace(sum(map(len, signals)))
    for each in signals:
        levels, nats = wave.levels(each), 0.0
        targets = levels.astype(np.int64)[:, None]
        for place, found in enumerate(log_probs(run, after_silence(levels[None]))):
            own = targets[place * PIECE : (place + 1) * PIECE]
            nats -= float(np.take_along_axis(found[0], own, axis=1).sum(dtype=np.float64))
            done += len(own)
            yield from pace.at(done)
        answers.append(
            {
                "samples": len(levels),
                "nats": nats,
                "nats_per_sample": nats / len(levels),
                "clipped": wave.louder(each),
            }
        )
    yield "done", answers


def _given(request: Continue, wave: Wave) -> Array:
    """The signal, or nothing, which is silence."""
    if request.samples and request.audio is not None:
        raise Malformed("samples and audio are both there; send one of them")
    if request.audio is not None:
        return wave.heard(request.audio, "audio")
    return np.array(request.samples, np.float64)


def _signals(request: Judge, wave: Wave) -> list[Array]:
    if request.samples and request.audio:
        raise Malformed("samples and audio are both there; send one of them")
    if not request.samples and not request.audio:
        raise Malformed("samples are missing; send them, or audio")
    if request.samples:
        return [np.array(each, np.float64) for each in request.samples]
    one = len(request.audio) == 1
    return [
        wave.heard(each, "audio" if one else f"audio[{n}]") for n, each in enumerate(request.audio)
    ]


def _second(wave: Wave) -> int:
    return min(NEW, max(1, round(wave.rate)))


def _wave(model: Model) -> Wave:
    """Raises BadModel."""
    try:
        wave = model.manifest.encodings["wave"]
        return Wave(
            float(wave["rate"]),
            float(wave["scale"]),
            str(wave["unit"]),
            float(wave["full_scale"]),
        )
    except (KeyError, TypeError) as error:
        raise BadModel(f"the manifest of {model.name!r} lacks {error}; export again") from error


def _options(model: Model) -> Mapping[str, Mapping[str, Any]]:
    wave = _wave(model)
    return {
        "samples": {"description": f"the signal in {wave.unit}, {wave.rate:g} samples a second"},
        "audio": {"description": f"a WAV file at {wave.rate:g} Hz in place of samples"},
    }


def _example(known: Known) -> Mapping[str, Any]:
    """What follows the last samples before the test part."""
    return {"samples": list(_known(known)), "count": 256, "temperature": 0.9, "seed": 1}


def _known(known: Known) -> Sequence[float]:
    found: Sequence[float] = known.facts.get("example", [])
    return found[-64:]


TASKS = (
    Task(
        "continue",
        go_on,
        use="drawing how a signal of this kind may go on, sample by sample",
        rows="samples",
        column="samples",
        others={"audio": "audio"},
        example=_example,
        options=lambda model: {**_options(model), "count": {"default": _second(_wave(model))}},
        events=go_on_events,
        rendered={"audio/wav": file, "image/png": picture},
    ),
    Task(
        "likelihood",
        likelihood,
        use="telling how likely a signal is, and so which one is unusual",
        rows="samples",
        column="samples",
        others={"audio": "audio"},
        example=lambda known: {"samples": list(_known(known))},
        options=_options,
        events=likelihood_events,
    ),
)
