"""The task of models that turn pictures into pictures: translate_image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Answer, File, Task

IMAGES = 256  # in one request
DIRECTIONS = ("a_to_b", "b_to_a")


def translate_image(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Translates images. `images`: a list, each a PNG in base64 or nested lists of 0 to 255;
    `direction`: a_to_b or b_to_a, where the model knows both.

    Answers `results`, for each: image (PNG in base64).
    """
    fields = Fields(request)
    given = fields.one_or_many("images", IMAGES)
    graph = _graph(model, fields)
    fields.finish()
    sizes = images.fixed_sizes(model.manifest.graph(graph))
    encoding = model.manifest.encodings.get("images", {})
    pixels = np.stack([images.read_sent(each, encoding, *sizes) for each in given])
    translated = run(graph, "translated", images=pixels)["translated"]
    return {"results": [{"image": images.png_base64(each)} for each in translated]}


def _graph(model: Model, fields: Fields) -> str:
    """The graph that translates; a model of one direction takes no field for it."""
    known = [name for name in DIRECTIONS if name in model.manifest.graphs]
    if not known:
        return "translate_image"
    direction = fields.string("direction", known[0])
    if direction not in known:
        raise InvalidInput(f"direction is {direction!r}; send {' or '.join(known)}")
    return direction


TASKS = {
    "translate_image": Task(
        translate_image,
        field="images",
        column="image",
        many=True,
        use="turning pictures of one kind into pictures of another",
        example=lambda known: {"images": [File("picture.png")]},
    )
}
