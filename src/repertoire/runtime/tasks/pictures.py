"""The tasks of models of images: reconstruct, sample, interpolate, blend.

Where a model is told labels, `label` is the class of all images asked for, or a list with one each.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.examples import label
from repertoire.runtime.fields import LARGEST_SEED, Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Array, Arrays, Run
from repertoire.runtime.task import Answer, File, Task

IMAGES = 256  # in one request
BLENDED = 16
WEIGHT = 100.0  # of one image in a blend


def reconstruct(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """What a model keeps of images. `images`: a list, each a PNG in base64 or nested lists.

    Answers `results`, for each: image (PNG in base64) and error.
    """
    fields = Fields(request)
    given = fields.one_or_many("images", IMAGES)
    labels = told(model, "reconstruct", fields, len(given))
    fields.finish()
    outputs = run("reconstruct", images=read(model, "reconstruct", given), **labels)
    pairs = zip(outputs["reconstruction"], outputs["error"], strict=True)
    return {"results": [{"image": images.png_base64(i), "error": float(e)} for i, e in pairs]}


def sample(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Draws `count` new images; the same `seed` gives the same. Answers images (PNG), seed.

    A model that is told labels draws every class in turn unless `label` says which.
    """
    drawn, seed = draw_images(model, run, request)
    return {"images": [images.png_base64(each) for each in drawn], "seed": seed}


def sheet(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The drawn images as one PNG."""
    drawn, seed = draw_images(model, run, request)
    return images.png(images.grid(list(drawn))), {"Seed": str(seed)}


def draw_images(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[Array, int]:
    """uint8[count, height, width] or [count, height, width, 3], and the seed of the draw."""
    fields = Fields(request)
    count = fields.integer("count", 16, 1, IMAGES)
    seed = fields.seed(secrets.randbits(32))
    labels = told(model, "decode", fields, count, in_turn=True)
    fields.finish()
    return decoded(run, {"latents": drawn_codes(model, seed, count), **labels}), seed


def interpolate(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Images along a straight line between two codes, both ends among the `steps` of them.

    The ends are two `images`, or what `sample` draws first with two `seeds`. Each step is told the
    label of the nearer end. Answers images (PNG).
    """
    return {"images": [images.png_base64(each) for each in walk(model, run, request)]}


def strip(model: Model, run: Run, request: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The images of the line as one PNG, side by side."""
    row = walk(model, run, request)
    return images.png(images.grid(list(row), len(row))), {}


def walk(model: Model, run: Run, request: Mapping[str, Any]) -> Array:
    """uint8[steps, height, width], or [steps, height, width, 3] in colours."""
    fields = Fields(request)
    steps = fields.integer("steps", 8, 2, IMAGES)
    seeds = fields.integers("seeds", 2, 0, LARGEST_SEED)
    given = fields.one_or_many("images", 2) if seeds is None else []
    labels = told(model, "decode", fields, 2, in_turn=seeds is not None)
    fields.finish()
    if seeds is not None:
        ends = np.concatenate([drawn_codes(model, seed, 1) for seed in seeds])
    elif len(given) == 2:
        ends = codes(model, run, given, labels)
    else:
        raise InvalidInput("images holds 1 value; send 2, the ends of the line")
    share = np.linspace(0, 1, steps, dtype=np.float32)
    latents = (1 - share[:, None]) * ends[0] + share[:, None] * ends[1]
    nearer = (share >= 0.5).astype(np.int64)
    return decoded(run, {"latents": latents, **{name: x[nearer] for name, x in labels.items()}})


def blend(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """The image whose code is the sum of the codes of `images`, each times its weight.

    `weights` are equal and sum to 1 unless given: 1, -1, 1 add to the first what tells the third
    from the second. The answer is told the label `into`, by default that of the first image.
    Answers image (PNG).
    """
    fields = Fields(request)
    given = fields.one_or_many("images", BLENDED)
    weights = fields.numbers("weights", len(given), -WEIGHT, WEIGHT) or [1 / len(given)] * len(
        given
    )
    labels = told(model, "encode", fields, len(given))
    into = told(model, "decode", fields, 1, "into", in_turn=True) if "into" in request else labels
    fields.finish()
    mixed = np.array([weights], np.float32) @ codes(model, run, given, labels)
    answer = decoded(run, {"latents": mixed, **{name: x[:1] for name, x in into.items()}})
    return {"image": images.png_base64(answer[0])}


def read(model: Model, graph: str, given: Sequence[Any]) -> Array:
    """uint8[images, height, width] of the size that a graph takes; colours have an axis of 3."""
    sizes = images.fixed_sizes(model.manifest.graph(graph))
    encoding = model.manifest.encodings.get("images", {})
    return np.stack([images.read_sent(each, encoding, *sizes) for each in given])


def told(
    model: Model,
    graph: str,
    fields: Fields,
    count: int,
    name: str = "label",
    *,
    in_turn: bool = False,
) -> Arrays:
    """`labels` for `count` images where a graph takes them, else nothing.

    Absent ones are all classes `in_turn`, or else refused: a given image is of one class.
    """
    port = next((p for p in model.manifest.graph(graph).inputs if p.name == "labels"), None)
    if port is None:
        return {}
    low, high = int(port.low or 0), int(port.high or 0)
    given = fields.integers(name, count, low, high)
    if given is None and not in_turn:
        raise Malformed(
            f"{name} is missing: model {model.name!r} is told the class, {low} to {high}"
        )
    return {"labels": np.array(given or low + np.arange(count) % (high - low + 1), np.int64)}


def codes(model: Model, run: Run, given: Sequence[Any], labels: Arrays) -> Array:
    """float32[images, width]: the first output of `encode`."""
    first = model.manifest.graph("encode").outputs[0].name
    return run("encode", first, images=read(model, "encode", given), **labels)[first]


def drawn_codes(model: Model, seed: int, count: int) -> Array:
    """float32[count, width], standard normal."""
    (width,) = images.fixed_sizes(model.manifest.graph("decode"))
    return np.random.default_rng(seed).standard_normal((count, width), np.float32)


def decoded(run: Run, inputs: Arrays) -> Array:
    """uint8[codes, height, width], or [codes, height, width, 3] in colours."""
    return run("decode", "images", **inputs)["images"]


TASKS = {
    "reconstruct": Task(
        reconstruct,
        field="images",
        column="image",
        many=True,
        use="showing what a short code keeps of a picture",
        example=lambda known: {"images": [File("picture.png")], **label(known)},
    ),
    "sample": Task(
        sample,
        field="count",
        column="count",
        many=False,
        use="drawing new pictures like those it saw",
        example=lambda known: {"count": 4, "seed": 0, **label(known)},
        seeded=True,
        rendered={"image/png": sheet},
    ),
    "interpolate": Task(
        interpolate,
        field="images",
        column="images",
        many=False,
        use="drawing what lies between two pictures",
        example=lambda known: {"seeds": [0, 1], "steps": 7, **label(known)},
        rendered={"image/png": strip},
    ),
    "blend": Task(
        blend,
        field="images",
        column="images",
        many=False,
        use="adding and subtracting pictures by their codes",
        example=lambda known: {"images": [File("one.png"), File("other.png")], **label(known)},
    ),
}
