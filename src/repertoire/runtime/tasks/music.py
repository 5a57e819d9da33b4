"""The task of models of music: compose."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import BadModel, InvalidInput, Malformed
from repertoire.runtime.fields import Fields
from repertoire.runtime.midi import CHOIR, midi
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run, next_states
from repertoire.runtime.task import Answer, Task

FRAMES = 1024  # in one request, and in a prompt
TEMPO = 72  # quarters per minute, where neither request nor model tells one
PIXELS = 4  # of a note and of a frame in a picture
Chords = list[list[int]]


@dataclass(frozen=True)
class Scale:
    """What the notes of a model's frames are: `notes` MIDI numbers from `lowest` upwards.

    `program` and `tempo` are those of the music that it learned from, where they are known.
    """

    lowest: int
    notes: int
    steps_a_quarter: int
    program: int = CHOIR
    tempo: float = TEMPO

    def roll(self, chords: Sequence[Sequence[int]]) -> Array:
        """uint8[time, notes]. Raises InvalidInput."""
        roll = np.zeros((len(chords), self.notes), np.uint8)
        for place, chord in enumerate(chords):
            for note in chord:
                if not 0 <= note - self.lowest < self.notes:
                    highest = self.lowest + self.notes - 1
                    raise InvalidInput(f"prompt holds note {note}; send {self.lowest} to {highest}")
                roll[place, note - self.lowest] = 1
        return roll

    def chord(self, frame: Array) -> list[int]:
        """The MIDI numbers of uint8[notes]."""
        return [int(note) + self.lowest for note in np.flatnonzero(frame)]


@dataclass(frozen=True)
class Piece:
    """The prompt and what follows it, and what it was drawn with."""

    chords: Chords
    scale: Scale
    tempo: float
    seed: int

    @property
    def midi(self) -> bytes:
        return midi(self.chords, self.scale.steps_a_quarter, self.tempo, self.scale.program)

    @property
    def headers(self) -> dict[str, str]:
        return {"Seed": str(self.seed)}


def compose(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Composes `frames` frames after `prompt`, a list of chords, each a list of MIDI numbers.

    `temperature` 0 takes the likeliest notes; the same `seed` composes the same; `tempo` counts
    quarters a minute. Answers frames (the prompt, then the new ones), steps_a_quarter, midi (a
    Standard MIDI File in base64) and seed.
    """
    piece = composed(model, run, request)
    return {
        "frames": piece.chords,
        "steps_a_quarter": piece.scale.steps_a_quarter,
        "midi": base64.b64encode(piece.midi).decode(),
        "seed": piece.seed,
    }


def file(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The piece as a Standard MIDI File."""
    piece = composed(model, run, request)
    name = f'attachment; filename="{model.name}-{piece.seed}.mid"'
    return piece.midi, {**piece.headers, "Content-Disposition": name}


def picture(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The piece as a piano roll: pitch upwards, time to the right, notes bright."""
    piece = composed(model, run, request)
    roll = 255 * piece.scale.roll(piece.chords).T[::-1]
    return images.png(np.kron(roll, np.ones((PIXELS, PIXELS), np.uint8))), piece.headers


def composed(model: Model, run: Run, request: Mapping[str, Any]) -> Piece:
    """Raises Malformed and InvalidInput for a bad request."""
    fields, scale = Fields(request), _scale(model)
    prompt = _prompt(fields)
    count = fields.integer("frames", 64, 1, FRAMES)
    temperature = fields.number("temperature", 1.0, 0, 100)
    tempo = fields.number("tempo", scale.tempo, 20, 400)
    seed = fields.seed(secrets.randbits(32))
    fields.finish()
    made = islice(_frames(model, run, scale.roll(prompt), temperature, seed), count)
    chords = [sorted(set(chord)) for chord in prompt] + [scale.chord(frame) for frame in made]
    return Piece(chords, scale, tempo, seed)


def _prompt(fields: Fields) -> Chords:
    chords = fields.items("prompt", FRAMES)
    for chord in chords:
        whole = isinstance(chord, list) and all(type(note) is int for note in chord)
        if not whole:
            raise Malformed("prompt is a list of chords, each a list of MIDI numbers")
    return chords


def _scale(model: Model) -> Scale:
    roll = model.manifest.encodings.get("roll", {})
    try:
        known = (roll["lowest"], roll["notes"], roll["steps_a_quarter"])
        return Scale(*known, roll.get("program", CHOIR), roll.get("tempo", TEMPO))
    except KeyError as error:
        raise BadModel(
            f"the encoding roll of {model.name!r} lacks {error}; export again"
        ) from error


def _frames(
    model: Model, run: Run, prompt: Array, temperature: float, seed: int
) -> Iterator[Array]:
    """Endless frames uint8[notes], each drawn given all before it."""
    graph = model.manifest.graph("next")
    numbers = np.random.default_rng(seed)
    silence = np.zeros((1, prompt.shape[1]), np.uint8)
    frames, states = np.concatenate((silence, prompt))[None], Arrays()
    heat = np.array([temperature], np.float32)
    while True:
        uniform = numbers.random((1, prompt.shape[1]), np.float32)
        inputs = {"frames": frames, "temperature": heat, "uniform": uniform, **states}
        outputs = run("next", "frame", *graph.feedback, **inputs)
        yield outputs["frame"][0]
        frames, states = outputs["frame"][:, None], next_states(run, graph.name, outputs)


TASKS = {
    "compose": Task(
        compose,
        field="prompt",
        column="prompt",
        many=False,
        use="composing music of several voices frame by frame",
        example=lambda known: {"frames": 64, "temperature": 0.8, "seed": 1},
        seeded=True,
        rendered={"audio/midi": file, "image/png": picture},
    ),
}
