"""What tasks over images share: fields of their requests and answers, and how images are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InferenceError
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Many, Media
from repertoire.runtime.signature import Array

IMAGES = 256  # in one request
ROWS = 32  # images in one run

Image = Annotated[Any, Media("image/*")]
Images = Annotated[list[Image], Many(IMAGES), "an image, or a list of them"]
Png = Annotated[Array, Media("image/png")]


def read(model: Model, graph: str, given: Sequence[Any], field: str = "images") -> Array:
    """uint8[images, height, width] as a graph takes them; coloured ones have an axis of 3."""
    sizes = images.fixed_sizes(model.manifest.graph(graph))
    encoding = model.manifest.encodings.get("images", {})
    found = []
    for place, image in enumerate(given):
        with at(f"{field}[{place}]"):
            found.append(images.read_sent(image, encoding, *sizes))
    return np.stack(found)


@contextlib.contextmanager
def at(path: str) -> Iterator[None]:
    """Puts the path of a field before what is wrong with it."""
    try:
        yield
    except InferenceError as error:
        raise type(error)(f"{path}: {error}") from error
