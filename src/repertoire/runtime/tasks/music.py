"""The task of models of music: compose."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import BadModel, InvalidInput
from repertoire.runtime.inference.music import composed
from repertoire.runtime.midi import CHOIR, midi
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Media, Seed, Size, shown
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Event, Pace, Task, last

FRAMES = 1024  # in one request, and in a prompt
TEMPO = 72  # quarters per minute, where neither request nor model tells one
SLOWEST, FASTEST = 20, 400
PIXELS = 4  # of a note and of a frame in a picture

Chord = Annotated[list[int], "numbers of MIDI"]


@dataclass(frozen=True)
class Compose:
    prompt: Annotated[list[Chord], Size(0, FRAMES), "the chords that it goes on from"] = field(
        default_factory=list
    )
    frames: Annotated[int, Between(1, FRAMES), "how many follow"] = 64
    temperature: Annotated[float, Between(0, 100), "0 takes the likeliest notes"] = 1.0
    tempo: Annotated[
        float | None,
        Between(SLOWEST, FASTEST),
        "quarters a minute; usually that of the music it learned from",
    ] = None
    seed: Seed = None


class Composed(TypedDict):
    frames: Annotated[list[Chord], "the prompt, then the new ones"]
    steps_a_quarter: Annotated[int, "frames of a quarter note"]
    midi: Annotated[bytes, Media("audio/midi"), "a Standard MIDI File"]
    seed: int


@dataclass(frozen=True)
class Scale:
    """What the notes of a model's frames are: `notes` MIDI numbers from `lowest` upwards.

    `program` and `tempo` are those of the music that it learned from, where they are known.
    """

    lowest: int
    notes: int
    steps_a_quarter: int
    program: int
    tempo: float

    @property
    def highest(self) -> int:
        return self.lowest + self.notes - 1

    def roll(self, chords: Sequence[Sequence[int]]) -> Array:
        """uint8[time, notes]. Raises InvalidInput."""
        roll = np.zeros((len(chords), self.notes), np.uint8)
        for place, chord in enumerate(chords):
            for note in chord:
                if not self.lowest <= note <= self.highest:
                    known = f"{self.lowest} to {self.highest}"
                    raise InvalidInput(f"prompt[{place}] holds note {shown(note)}; send {known}")
                roll[place, note - self.lowest] = 1
        return roll

    def chord(self, frame: Array) -> list[int]:
        """The MIDI numbers of uint8[notes]."""
        return [int(note) + self.lowest for note in np.flatnonzero(frame)]


def compose(model: Model, run: Run, request: Compose) -> Composed:
    """Composes music of several voices, frame by frame."""
    answer: Composed = last(compose_events(model, run, request))
    return answer


def compose_events(model: Model, run: Run, request: Compose) -> Iterator[Event]:
    """How many frames are there, then the whole."""
    scale, pace = _scale(model), Pace(request.frames)
    seed = secrets.randbits(32) if request.seed is None else request.seed
    drawn = composed(run, scale.roll(request.prompt), request.temperature, seed)
    chords = [sorted(set(chord)) for chord in request.prompt]
    for count, frame in enumerate(islice(drawn, request.frames), 1):
        chords.append(scale.chord(frame))
        yield from pace.at(count)
    tempo = scale.tempo if request.tempo is None else request.tempo
    piece: Composed = {
        "frames": chords,
        "steps_a_quarter": scale.steps_a_quarter,
        "midi": midi(chords, scale.steps_a_quarter, tempo, scale.program),
        "seed": seed,
    }
    yield "done", piece


def picture(model: Model, request: Compose, piece: Composed) -> bytes:
    """The piece as a piano roll: pitch upwards, time to the right, notes bright."""
    roll = 255 * _scale(model).roll(piece["frames"]).T[::-1]
    return images.png(np.kron(roll, np.ones((PIXELS, PIXELS), np.uint8)))


def _options(model: Model) -> Mapping[str, Mapping[str, Any]]:
    scale = _scale(model)
    note = {"type": "integer", "minimum": scale.lowest, "maximum": scale.highest}
    return {
        "prompt": {"items": {"type": "array", "items": note}},
        "tempo": {"default": scale.tempo},
    }


def _scale(model: Model) -> Scale:
    """Raises BadModel."""
    roll = model.manifest.encodings.get("roll", {})
    try:
        known = (roll["lowest"], roll["notes"], roll["steps_a_quarter"])
    except KeyError as error:
        raise BadModel(
            f"the encoding roll of {model.name!r} lacks {error}; export again"
        ) from error
    return Scale(*known, roll.get("program", CHOIR), roll.get("tempo", TEMPO))


TASKS = (
    Task(
        "compose",
        compose,
        use="composing music of several voices frame by frame",
        rows="prompt",
        column="prompt",
        example=lambda known: {"frames": 64, "temperature": 0.8, "seed": 1},
        options=_options,
        events=compose_events,
        rendered={
            "audio/midi": lambda model, request, piece: piece["midi"],
            "image/png": picture,
        },
    ),
)
