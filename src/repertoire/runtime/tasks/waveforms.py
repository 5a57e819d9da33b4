"""The tasks of models of signals: continue, likelihood.

A signal comes as a list of numbers in the model's unit, or as a WAV file at its rate. Its first
sample follows silence.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from repertoire.runtime import audio, companding
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signal_picture import picture_of
from repertoire.runtime.signature import Array, Arrays, Run, next_states
from repertoire.runtime.task import Answer, Known, Request, Task

SAMPLES = 1 << 20  # of one signal
SIGNALS = 256  # in one request
NEW = 16_384  # samples that are drawn for one request
PIECE = 4096  # samples in one run


@dataclass(frozen=True)
class Wave:
    """What the levels of a model are: Hz, the `unit`, and what of it the loudest level stands for.

    `full_scale` is what a sample of 1 in a WAV file is in the unit.
    """

    rate: float
    scale: float
    unit: str
    full_scale: float

    def levels(self, signal: Array) -> tuple[Array, int]:
        """Levels of a signal in the unit, and how many samples were too loud and were clipped."""
        return companding.encoded(signal / self.scale), int((np.abs(signal) > self.scale).sum())

    def signal(self, levels: Array) -> Array:
        return self.scale * companding.decoded(levels)

    def wav(self, signal: Array) -> bytes:
        return audio.wav(signal / self.full_scale, self.rate)


@dataclass(frozen=True)
class Continued:
    """A signal and what follows it, in the unit, and what it was drawn with."""

    given: Array
    made: Array
    clipped: int
    wave: Wave
    seed: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Seed": str(self.seed)}


def go_on(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Draws `count` samples that follow a signal; without one, that follow silence.

    The signal is `samples`, a list of numbers in the unit of the model, or `audio`, a WAV file in
    base64. `temperature` 0 takes the likeliest level; the same `seed` draws the same. Answers
    samples (the new ones), rate (Hz), unit, given (how many were), clipped (how many of those were
    louder than the model knows) and seed. Who accepts audio/wav gets the signal and what follows
    as a file, who accepts image/png sees it drawn.
    """
    made = continued(model, run, request)
    return {
        "samples": [float(f"{value:.6g}") for value in made.made],
        "rate": made.wave.rate,
        "unit": made.wave.unit,
        "given": len(made.given),
        "clipped": made.clipped,
        "seed": made.seed,
    }


def file(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The signal and what follows it as a WAV file."""
    made = continued(model, run, request)
    name = f'attachment; filename="{model.name}-{made.seed}.wav"'
    whole = np.concatenate((made.given, made.made))
    return made.wave.wav(whole), {**made.headers, "Content-Disposition": name}


def picture(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The signal in grey and what follows it in blue."""
    made = continued(model, run, request)
    return picture_of(made.given, made.made, made.wave.rate, made.wave.unit), made.headers


def continued(model: Model, run: Run, request: Mapping[str, Any]) -> Continued:
    """Raises Malformed and InvalidInput for a bad request."""
    fields, wave = Fields(request), _wave(model)
    given = _signal(fields, wave)
    count = fields.integer("count", min(NEW, max(1, round(wave.rate))), 1, NEW)
    temperature = fields.number("temperature", 1.0, 0, 100)
    seed = fields.seed(secrets.randbits(32))
    fields.finish()
    levels, clipped = wave.levels(given)
    made = np.array(list(islice(_levels(model, run, levels, temperature, seed), count)), np.uint8)
    return Continued(given, wave.signal(made), clipped, wave, seed)


def _levels(model: Model, run: Run, given: Array, temperature: float, seed: int) -> Iterator[int]:
    """Endless levels, each drawn given all before it."""
    graph, numbers = model.manifest.graph("step"), np.random.default_rng(seed)
    heat, states = np.array([temperature], np.float32), Arrays()
    fed = np.concatenate(([companding.SILENCE], given)).astype(np.uint8)[None]
    last = (fed.shape[1] - 1) // PIECE * PIECE  # before it, what is drawn does not matter
    for start in range(0, last, PIECE):
        inputs = {"levels": fed[:, start : start + PIECE], **states}
        outputs = run("step", **inputs, temperature=heat, uniform=heat * 0)
        states = next_states(run, graph.name, outputs)
    fed = fed[:, last:]
    while True:
        drawing = {"temperature": heat, "uniform": numbers.random(1, np.float32)}
        outputs = run("step", "level", *graph.feedback, levels=fed, **drawing, **states)
        yield int(outputs["level"][0])
        fed, states = outputs["level"][:, None], next_states(run, graph.name, outputs)


def likelihood(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """How likely signals are. `samples`: a list of numbers in the unit of the model, or a list of
    such; or `audio`: a WAV file in base64, or a list of such.

    Answers `results`, for each: samples (how many), nats (their negative log-likelihood as levels,
    the first one after silence included), nats_per_sample, and clipped (how many were louder than
    the model knows).
    """
    fields, wave = Fields(request), _wave(model)
    signals = _signals(fields, wave)
    fields.finish()
    results = []
    for each in signals:
        levels, clipped = wave.levels(each)
        nats = _nats(model, run, levels)
        results.append(
            {
                "samples": len(levels),
                "nats": nats,
                "nats_per_sample": nats / len(levels),
                "clipped": clipped,
            }
        )
    return {"results": results}


def _nats(model: Model, run: Run, levels: Array) -> float:
    """In pieces, between which the state goes on."""
    graph, states, total = model.manifest.graph("score"), Arrays(), 0.0
    before = np.concatenate(([companding.SILENCE], levels[:-1])).astype(np.uint8)
    for start in range(0, len(levels), PIECE):
        piece = slice(start, start + PIECE)
        outputs = run("score", levels=before[None, piece], **states)
        states = next_states(run, graph.name, outputs)
        target = levels[piece, None].astype(np.int64)
        chosen = np.take_along_axis(outputs["log_probs"][0], target, axis=1)
        total -= float(chosen.sum(dtype=np.float64))
    return total


def _signal(fields: Fields, wave: Wave) -> Array:
    """The field `samples` or `audio`, or nothing, which is silence."""
    samples, sound = fields.items("samples", SAMPLES), fields.string("audio", "")
    if samples and sound:
        raise Malformed("samples and audio are both there; send one of them")
    if sound:
        return _heard(sound, wave)
    return _numbers(samples) if samples else np.zeros(0)


def _signals(fields: Fields, wave: Wave) -> list[Array]:
    """Several, or one alone; each holds a sample."""
    samples = fields.items("samples", SAMPLES)
    sounds = fields.one_or_many("audio", SIGNALS) if not samples else fields.items("audio", 0)
    if not samples:
        if not all(isinstance(each, str) for each in sounds):
            raise Malformed("audio is a WAV file in base64, or a list of such")
        return [_heard(each, wave) for each in sounds]
    if not any(isinstance(each, list) for each in samples):
        return [_numbers(samples)]
    if len(samples) > SIGNALS:
        raise InvalidInput(f"samples holds {len(samples)} signals; send 1 to {SIGNALS}")
    return [_numbers(each) for each in samples]


def _numbers(values: object) -> Array:
    if not isinstance(values, list):
        raise Malformed("samples is a list of numbers, or a list of such lists")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"samples holds {_short(value)}; send numbers only")
        if not math.isfinite(value):
            raise InvalidInput(f"samples holds {value}; send finite numbers only")
    if not 1 <= len(values) <= SAMPLES:
        raise InvalidInput(f"samples holds {len(values)} values; send 1 to {SAMPLES}")
    return np.array(values, np.float64)


def _heard(sound: str, wave: Wave) -> Array:
    signal, rate = audio.from_base64(sound)
    if rate != wave.rate:
        raise InvalidInput(
            f"audio is at {rate} Hz, the model at {wave.rate:g} Hz; resample it first: "
            f"ffmpeg -i in.wav -ar {wave.rate:g} out.wav"
        )
    if not 1 <= len(signal) <= SAMPLES:
        raise InvalidInput(f"audio holds {len(signal)} samples; send 1 to {SAMPLES}")
    if not np.isfinite(signal).all():
        raise InvalidInput("audio holds samples that are no finite numbers; save it as PCM")
    return signal * wave.full_scale


def _short(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


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


def _example(known: Known) -> Request:
    """What follows the last samples before the test part."""
    return {"samples": list(_known(known)), "count": 256, "temperature": 0.9, "seed": 1}


def _known(known: Known) -> Sequence[float]:
    found: Sequence[float] = known.facts.get("example", [])
    return found[-64:]


TASKS = {
    "continue": Task(
        go_on,
        field="samples",
        column="samples",
        others={"audio": "audio"},
        many=False,
        use="drawing how a signal of this kind may go on, sample by sample",
        example=_example,
        seeded=True,
        rendered={"audio/wav": file, "image/png": picture},
    ),
    "likelihood": Task(
        likelihood,
        field="samples",
        column="samples",
        others={"audio": "audio"},
        many=True,
        use="telling how likely a signal is, and so which one is unusual",
        example=lambda known: {"samples": list(_known(known))},
    ),
}
