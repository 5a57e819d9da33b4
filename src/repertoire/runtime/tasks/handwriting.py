"""The task of models of pen strokes: write."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, TypedDict

import numpy as np

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.examples import label
from repertoire.runtime.inference.handwriting import movements, polylines
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Between, Seed, Size, shown
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import Event, Known, Pace, Task, last

LETTERS = 32  # in one text
POINTS = 1000  # in one drawing
USUAL_POINTS = 400  # where neither request nor model tells how many
MARGIN = 0.6  # around a drawing, in units of its offsets

Place = Annotated[list[float], "x and y, y downwards, in the unit of the training data"]
Strokes = list[list[Place]]


@dataclass(frozen=True)
class Write:
    text: Annotated[str, Size(0, LETTERS), "what to write, where the model reads a text"] = ""
    bias: Annotated[float, Between(0, 10), "larger is neater"] = 1.0
    points: Annotated[
        int | None,
        Between(1, POINTS),
        "movements of the pen at most; usually as many as in half of the drawings it learned from",
    ] = None
    seed: Seed = None


class Written(TypedDict):
    strokes: Annotated[Strokes, "where the pen went down"]
    svg: Annotated[str, "the drawing"]
    seed: int
    points: Annotated[int, "movements of the pen"]
    finish: Annotated[Literal["end", "length"], "whether the text is written to its end"]


def write(model: Model, run: Run, request: Write) -> Written:
    """Writes a text, or draws freely, by the strokes of a pen."""
    answer: Written = last(write_events(model, run, request))
    return answer


def write_events(model: Model, run: Run, request: Write) -> Iterator[Event]:
    """How many movements are there, then the whole."""
    text = _ids(model, request.text)
    most = _usual_points(model) if request.points is None else request.points
    seed = secrets.randbits(32) if request.seed is None else request.seed
    points, pace = list[Array](), Pace(most)
    finish: Literal["end", "length"] = "length"
    for point, past in islice(movements(run, [seed], request.bias, text), most):
        points.append(point[0])
        if past[0]:
            finish = "end"
            break
        yield from pace.at(len(points))
    strokes = [stroke.round(3).tolist() for stroke in polylines(np.stack(points))]
    drawing: Written = {
        "strokes": strokes,
        "svg": svg(strokes),
        "seed": seed,
        "points": len(points),
        "finish": finish,
    }
    yield "done", drawing


def picture(model: Model, request: Write, drawing: Written) -> bytes:
    """The drawing as an SVG file."""
    return drawing["svg"].encode()


def _reads(model: Model) -> bool:
    return any(port.name == "text" for port in model.manifest.graph("next").inputs)


def _usual_points(model: Model) -> int:
    known = model.manifest.document.get("facts", {}).get("usual_points", USUAL_POINTS)
    return min(int(known), POINTS)


def _alphabet(model: Model) -> str:
    return str(model.manifest.document.get("facts", {}).get("alphabet", "its alphabet"))


def _ids(model: Model, text: str) -> Array | None:
    """int64[1, letters] for a model that reads a text. Raises InvalidInput for what it cannot."""
    if not _reads(model):
        if text:
            raise InvalidInput("text: this model writes freely and reads none; leave it out")
        return None
    known = f"send 1 to {LETTERS} letters of {_alphabet(model)}"
    if not text:
        raise InvalidInput(f"text has 0 letters; {known}")
    encoding = model.encoding("text")
    ids = encoding.ids(text)
    for letter, token in zip(encoding.normal(text), ids, strict=False):
        if token == encoding.unknown:
            raise InvalidInput(f"text holds {shown(letter)}; {known}")
    return np.array([ids], np.int64)


def _options(model: Model) -> Mapping[str, Mapping[str, Any]]:
    read = {"minLength": 1, "description": f"letters of {_alphabet(model)}"}
    free = {"maxLength": 0, "description": "this model writes freely and reads none"}
    return {
        "text": read if _reads(model) else free,
        "points": {"default": _usual_points(model)},
    }


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


def _example(known: Known) -> Mapping[str, Any]:
    """A text where the model writes one, else as many points as its figures have."""
    if label(known):
        return {"text": "hello", "seed": 1}
    points = known.config.get("draw_points")
    return {"points": points, "seed": 1} if points else {"seed": 1}


TASKS = (
    Task(
        "write",
        write,
        use="writing or drawing by the strokes of a pen",
        rows="text",
        column="text",
        example=_example,
        options=_options,
        events=write_events,
        rendered={"image/svg+xml": picture},
    ),
)
