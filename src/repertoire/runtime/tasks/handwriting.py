"""The task of models of pen strokes: write."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.examples import label
from repertoire.runtime.fields import Fields
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run, next_states
from repertoire.runtime.task import Answer, Known, Request, Task

LETTERS = 32  # in one text
POINTS = 1000  # in one drawing
USUAL_POINTS = 400  # where neither request nor model tells how many
UNKNOWN = "<unk>"
MARGIN = 0.6  # around a drawing, in units of its offsets

Strokes = list[list[list[float]]]


def write(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Writes `text`, or anything if the model reads none; the same `seed` gives the same strokes.

    A larger `bias` is neater; `points` bounds the movements of the pen (default: as many as half of
    the drawings that it learned from have, where that is known). Answers strokes (each a
    list of [x, y], y downwards, in the unit that the model's facts state), svg, seed, points and
    finish: "end" if the text was written to its end, else "length".
    """
    fields = Fields(request)
    text = fields.string("text", "")
    bias = fields.number("bias", 1.0, 0, 10)
    most = fields.integer("points", _usual_points(model), 1, POINTS)
    seed = fields.seed(secrets.randbits(32))
    fields.finish()
    graph = model.manifest.graph("next")
    fixed: Arrays = {"bias": np.array([bias], np.float32), **_text_input(model, graph, text)}
    points, finish = _drawn(graph, run, fixed, seed, most)
    strokes = polylines(points)
    return {
        "strokes": strokes,
        "svg": svg(strokes),
        "seed": seed,
        "points": len(points),
        "finish": finish,
    }


def _usual_points(model: Model) -> int:
    known = model.manifest.document.get("facts", {}).get("usual_points", USUAL_POINTS)
    return min(int(known), POINTS)


def picture(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The drawing as an SVG file."""
    answer = write(model, run, request)
    headers = {"Seed": str(answer["seed"]), "Finish": answer["finish"]}
    return answer["svg"].encode(), headers


def _text_input(model: Model, graph: Graph, text: str) -> Arrays:
    """The ids of a text for a model that reads one. Raises InvalidInput for what does not fit."""
    if "text" not in {port.name for port in graph.inputs}:
        if text:
            raise InvalidInput(
                f"model {model.name!r} writes freely and reads no text; leave it out"
            )
        return {}
    alphabet = model.manifest.document.get("facts", {}).get("alphabet", "its alphabet")
    if not 1 <= len(text) <= LETTERS:
        raise InvalidInput(f"text has {len(text)} letters; send 1 to {LETTERS} of {alphabet}")
    encoding = model.encoding("text")
    ids = encoding.ids(text)
    pairs = zip(text, encoding.tokens(ids), strict=False)
    if foreign := [letter for letter, token in pairs if token == UNKNOWN]:
        raise InvalidInput(f"text holds {foreign[0]!r}; send 1 to {LETTERS} letters of {alphabet}")
    return {"text": np.array([ids], np.int64)}


def _drawn(graph: Graph, run: Run, fixed: Arrays, seed: int, most: int) -> tuple[list[Array], str]:
    """Movements (dx, dy, end of stroke) one after another, each drawn given those before it."""
    reads = "text" in fixed
    outputs = [*(["past"] if reads else []), *graph.feedback]
    numbers = np.random.default_rng(seed)
    states, points = Arrays(), list[Array]()
    point = np.zeros((1, 3), np.float32)
    while len(points) < most:
        uniform = numbers.random((1, 4), np.float32)
        found = run("next", *outputs, uniform=uniform, point=point, **fixed, **states)
        states = next_states(run, graph.name, found)
        point = states.pop("point")
        points.append(point[0])
        if reads and found["past"][0] > 0:
            return points, "end"
    return points, "length"


def polylines(points: Sequence[Array]) -> Strokes:
    """Where the pen went down: a stroke ends after a point whose last number is above one half.

    A movement from a stroke's end to the next point goes through the air; single dots are no line.
    """
    places = np.cumsum([point[:2] for point in points], axis=0, dtype=np.float64).round(3)
    ends = [place + 1 for place, point in enumerate(points) if point[2] > 0.5]
    return [stroke.tolist() for stroke in np.split(places, ends) if len(stroke) > 1]


def svg(strokes: Strokes) -> str:
    """An SVG of the strokes, one path each, just large enough for them."""
    every = np.array([place for stroke in strokes for place in stroke] or [[0.0, 0.0]])
    left, top = every.min(0) - MARGIN
    width, height = every.max(0) - every.min(0) + 2 * MARGIN
    paths = "".join(
        '<path d="M' + "L".join(f"{x:g} {y:g}" for x, y in stroke) + '"/>' for stroke in strokes
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width:g} {height:g}" '
        'fill="none" stroke="currentColor" stroke-width="0.4" stroke-linecap="round" '
        f'stroke-linejoin="round">{paths}</svg>'
    )


def _example(known: Known) -> Request:
    """A text where the model writes one, else as many points as its figures have."""
    told = {"text": "hello"} if label(known) else {"points": known.config.get("draw_points")}
    return {**told, "seed": 1}


TASKS = {
    "write": Task(
        write,
        field="text",
        column="text",
        many=False,
        use="writing or drawing by the strokes of a pen",
        example=_example,
        takes_text=True,
        rendered={"image/svg+xml": picture},
    )
}
