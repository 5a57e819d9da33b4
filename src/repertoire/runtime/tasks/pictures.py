"""The tasks of models of images: reconstruct, sample, interpolate, blend."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.examples import label
from repertoire.runtime.inference.latents import decoded, decoded_in_parts, drawn, encoded, line
from repertoire.runtime.inference.rows import over_rows
from repertoire.runtime.model import Model
from repertoire.runtime.pictures import IMAGES, ROWS, Image, Images, Png, read
from repertoire.runtime.schema import LARGEST_SEED, Between, Many, Seed, Size
from repertoire.runtime.signature import Arrays, Port, Run
from repertoire.runtime.task import Event, File, Pace, Task, last

BLENDED = 16
WEIGHT = 100.0  # of one image in a blend

Whole = Annotated[int, Between(0, LARGEST_SEED)]
Labels = Annotated[
    list[int] | None,
    Many(IMAGES),
    "the class of all images, or a list with one each, where the model is told classes",
]


@dataclass(frozen=True)
class Reconstruct:
    images: Images
    label: Labels = None


class Reconstructed(TypedDict):
    image: Png
    error: Annotated[float, "between the image and what is given back, in the model's own unit"]


def reconstruct(model: Model, run: Run, request: Reconstruct) -> list[Reconstructed]:
    """What a model keeps of images: each is encoded and decoded again."""
    labels = _told(model, "reconstruct", "label", request.label, len(request.images))
    given = read(model, "reconstruct", request.images)
    names = ("reconstruction", "error")
    found = over_rows(run, "reconstruct", ROWS, *names, images=given, **labels)
    pairs = zip(found["reconstruction"], found["error"].tolist(), strict=True)
    return [{"image": image, "error": error} for image, error in pairs]


@dataclass(frozen=True)
class Sample:
    count: Annotated[int, Between(1, IMAGES), "how many images"] = 16
    label: Labels = None
    seed: Seed = None


class Sampled(TypedDict):
    images: list[Png]
    seed: int


def sample(model: Model, run: Run, request: Sample) -> Sampled:
    """Draws new images. A model that is told classes draws them in turn unless `label` says which.

    image/png has all in one image.
    """
    answer: Sampled = last(sample_events(model, run, request))
    return answer


def sample_events(model: Model, run: Run, request: Sample) -> Iterator[Event]:
    """How many are drawn, then all."""
    labels = _told(model, "decode", "label", request.label, request.count, in_turn=True)
    seed = secrets.randbits(32) if request.seed is None else request.seed
    found, pace = list[Png](), Pace(request.count)
    for part in decoded_in_parts(run, drawn(run, request.count, seed), labels, ROWS):
        found.extend(part)
        yield from pace.at(len(found))
    yield "done", Sampled(images=found, seed=seed)


def sheet(model: Model, request: Sample, answer: Sampled) -> bytes:
    """The drawn images as one PNG."""
    return images.png(images.grid(answer["images"]))


@dataclass(frozen=True)
class Interpolate:
    images: Annotated[list[Image] | None, Size(2, 2), "the two ends of the line"] = None
    seeds: Annotated[
        list[Whole] | None, Size(2, 2), "in place of images: each end is what sample draws first"
    ] = None
    steps: Annotated[int, Between(2, IMAGES), "images of the line, its ends among them"] = 8
    label: Labels = None


class Interpolated(TypedDict):
    images: list[Png]


def interpolate(model: Model, run: Run, request: Interpolate) -> Interpolated:
    """Images along a straight line between two codes: of two images, or of two seeds.

    Where a model is told classes, each step is told that of the nearer end. image/png has all in
    one row.
    """
    if request.images is None and request.seeds is None:
        raise Malformed("images is missing; send the two ends of the line, or two seeds")
    by_seed = request.seeds is not None
    labels = _told(model, "decode", "label", request.label, 2, in_turn=by_seed)
    if request.seeds is not None:
        start, end = (drawn(run, 1, seed)[0] for seed in request.seeds)
    else:
        ends = read(model, "encode", request.images or ())
        start, end = encoded(run, ends, labels, ROWS)
    codes, nearer = line(start, end, request.steps)
    told = {name: each[nearer] for name, each in labels.items()}
    return {"images": list(decoded(run, codes, told, ROWS))}


def strip(model: Model, request: Interpolate, answer: Interpolated) -> bytes:
    """The images of the line as one PNG, side by side."""
    row = answer["images"]
    return images.png(images.grid(row, len(row)))


@dataclass(frozen=True)
class Blend:
    images: Annotated[list[Image], Many(BLENDED), "those whose codes are added"]
    weights: Annotated[
        list[Annotated[float, Between(-WEIGHT, WEIGHT)]] | None,
        Many(BLENDED),
        "of all images, or of each; equal ones, of the sum 1, if left out. 1, -1, 1 add to the "
        "first image what tells the third from the second",
    ] = None
    label: Labels = None
    into: Annotated[int | None, "the class that the answer is told; usually the first image's"] = (
        None
    )


class Blended(TypedDict):
    image: Png


def blend(model: Model, run: Run, request: Blend) -> Blended:
    """The image whose code is the sum of the codes of images, each times its weight."""
    count = len(request.images)
    weights = request.weights or [1 / count]
    if len(weights) not in (1, count):
        raise InvalidInput(f"weights holds {len(weights)} values; send one, or {count}")
    labels = _told(model, "encode", "label", request.label, count)
    first = {name: each[:1] for name, each in labels.items()}
    if request.into is not None:
        first = _told(model, "decode", "into", [request.into], 1)
    codes = encoded(run, read(model, "encode", request.images), labels, ROWS)
    mixed = np.resize(np.array(weights, np.float32), (1, count)) @ codes
    return {"image": decoded(run, mixed, first, ROWS)[0]}


def _told(
    model: Model,
    graph: str,
    name: str,
    given: Sequence[int] | None,
    count: int,
    *,
    in_turn: bool = False,
) -> Arrays:
    """`labels` for `count` images where a graph takes them, else nothing.

    Absent ones are all classes `in_turn`, or else refused: a given image is of one class.
    """
    port = _label_port(model, graph)
    if port is None:
        if given is not None:
            raise Malformed(f"{name}: model {model.name!r} is told no class; leave it out")
        return {}
    low, high = int(port.low or 0), int(port.high or 0)
    if given is None:
        if not in_turn:
            raise Malformed(
                f"{name} is missing: model {model.name!r} is told the class, {low} to {high}"
            )
        given = [low + number % (high - low + 1) for number in range(count)]
    if len(given) not in (1, count):
        raise InvalidInput(f"{name} holds {len(given)} values; send one, or {count}")
    if wrong := [each for each in given if not low <= each <= high]:
        raise InvalidInput(f"{name} is {wrong[0]}; send {low} to {high}")
    return {"labels": np.resize(np.array(given, np.int64), count)}


def _label_port(model: Model, graph: str) -> Port | None:
    ports = model.manifest.graph(graph).inputs
    return next((port for port in ports if port.name == "labels"), None)


def _options(graph: str) -> Any:
    """What classes a model knows, as its graph declares them; nothing where it is told none."""

    def options(model: Model) -> Mapping[str, Mapping[str, Any] | None]:
        port = _label_port(model, graph)
        if port is None:
            return {"label": None, "into": None}
        one = {"type": "integer", "minimum": int(port.low or 0), "maximum": int(port.high or 0)}
        several = {"type": "array", "items": one, "minItems": 1, "maxItems": IMAGES}
        null = {"type": "null"}
        return {"label": {"anyOf": [one, several, null]}, "into": {"anyOf": [one, null]}}

    return options


TASKS = (
    Task(
        "reconstruct",
        reconstruct,
        use="showing what a short code keeps of a picture",
        rows="images",
        column="image",
        example=lambda known: {"images": [File("picture.png")], **label(known)},
        options=_options("reconstruct"),
    ),
    Task(
        "sample",
        sample,
        use="drawing new pictures like those it saw",
        rows="count",
        column="count",
        example=lambda known: {"count": 4, "seed": 0, **label(known)},
        options=_options("decode"),
        events=sample_events,
        rendered={"image/png": sheet},
    ),
    Task(
        "interpolate",
        interpolate,
        use="drawing what lies between two pictures",
        rows="images",
        column="images",
        example=lambda known: {"seeds": [0, 1], "steps": 7, **label(known)},
        options=_options("decode"),
        rendered={"image/png": strip},
    ),
    Task(
        "blend",
        blend,
        use="adding and subtracting pictures by their codes",
        rows="images",
        column="images",
        example=lambda known: {"images": [File("one.png"), File("other.png")], **label(known)},
        options=_options("decode"),
    ),
)
