"""The task of models that say what a picture shows: caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from repertoire.runtime import images
from repertoire.runtime.inference.rows import over_rows
from repertoire.runtime.model import Model
from repertoire.runtime.pictures import at
from repertoire.runtime.schema import Between, Many, Media
from repertoire.runtime.signature import Array, Run
from repertoire.runtime.task import File, Task
from repertoire.runtime.texts import ROWS, Written, how_written


@dataclass(frozen=True)
class Caption:
    images: Annotated[
        list[Annotated[Any, Media("image/*")]],
        Many(256),
        "files of any size, cut and resized as those of training were; or levels from 0 to 255, of "
        "the model's size",
    ]
    max_length: Annotated[int, Between(1, 512), "tokens of an answer"] = 64


class Said(Written):
    text: str
    tokens: Annotated[list[str], "without the end"]
    log_prob: Annotated[float, "of the answer, nats"]


def caption(model: Model, run: Run, request: Caption) -> list[Said]:
    """Says what images show."""
    encoding = model.encoding("caption")
    sizes = images.fixed_sizes(model.manifest.graph("caption"))
    pixels = np.stack(
        [_read(each, f"images[{place}]", sizes) for place, each in enumerate(request.images)]
    )
    limit = np.array(request.max_length, np.int64)
    found = over_rows(run, "caption", ROWS, "tokens", "log_prob", images=pixels, max_length=limit)
    answers = []
    for row, log_prob in zip(found["tokens"].tolist(), found["log_prob"].tolist(), strict=True):
        tokens = encoding.until_end(row)
        answer: Said = {
            "text": encoding.text(tokens),
            "tokens": encoding.tokens(tokens),
            "log_prob": log_prob,
            **how_written(encoding, tokens),
        }
        answers.append(answer)
    return answers


def _read(image: Any, path: str, sizes: tuple[int, ...]) -> Array:
    with at(path):
        return images.read_fitted(image, *sizes)


TASKS = (
    Task(
        "caption",
        caption,
        use="saying what a picture shows",
        rows="images",
        column="image",
        example=lambda known: {"images": [File("picture.png")]},
    ),
)
