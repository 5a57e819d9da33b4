"""The tasks of models of images: reconstruct, sample."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np

from serving import images
from serving.fields import Fields
from serving.plane import Run
from serving.ports import Array
from serving.repository import Model
from serving.task import Answer, Task

IMAGES = 256  # in one request


def reconstruct(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """What a model keeps of images. `images`: a list, each a PNG in base64 or nested lists.

    Answers `results`, for each: image (PNG in base64) and error.
    """
    fields = Fields(request)
    given = fields.one_or_many("images", IMAGES)
    fields.finish()
    sizes = images.fixed_sizes(model.manifest.graph("reconstruct"))
    pixels = np.stack([images.read(each, *sizes) for each in given])
    outputs = run("reconstruct", {"images": pixels}, None)
    pairs = zip(outputs["reconstruction"], outputs["error"], strict=True)
    return {"results": [{"image": images.png_base64(i), "error": float(e)} for i, e in pairs]}


def sample(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Draws `count` new images; the same `seed` gives the same. Answers images (PNG), seed."""
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
    fields.finish()
    (width,) = images.fixed_sizes(model.manifest.graph("decode"))
    latents = np.random.default_rng(seed).standard_normal((count, width), np.float32)
    return run("decode", {"latents": latents}, ["images"])["images"], seed


TASKS = {
    "reconstruct": Task(reconstruct, field="images", column="image", many=True),
    "sample": Task(
        sample,
        field="count",
        column="count",
        many=False,
        seeded=True,
        rendered={"image/png": sheet},
    ),
}
