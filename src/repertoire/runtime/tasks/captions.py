"""The task of models that say what a picture shows: caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Answer, File, Task

IMAGES = 256  # in one request


def caption(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """Says what images show. `images`: a list, each an image file of any size in base64, which is
    cut and resized as those of training were, or nested lists of 0 to 255 of the model's size;
    `max_length`: tokens of an answer.

    Answers `results`, for each image: text, tokens (without the end), log_prob (nats).
    """
    fields = Fields(request)
    given = fields.one_or_many("images", IMAGES)
    max_length = np.array(fields.integer("max_length", 64, 1, 512), np.int64)
    fields.finish()
    graph, encoding = model.manifest.graph("caption"), model.encoding("caption")
    sizes = images.fixed_sizes(graph)
    pixels = np.stack([images.read_fitted(each, *sizes) for each in given])
    inputs = {"images": pixels, "max_length": max_length}
    outputs = run("caption", "tokens", "log_prob", **inputs)
    results = []
    for row, log_prob in zip(outputs["tokens"].tolist(), outputs["log_prob"], strict=True):
        ids = row[: row.index(encoding.end)] if encoding.end in row else row
        said = {"text": encoding.text(ids), "tokens": encoding.tokens(ids)}
        results.append({**said, "log_prob": float(log_prob)})
    return {"results": results}


TASKS = {
    "caption": Task(
        caption,
        field="images",
        column="image",
        many=True,
        use="saying what a picture shows",
        example=lambda known: {"images": [File("picture.png")]},
    )
}
