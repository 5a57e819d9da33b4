"""The task of classifiers of texts: classify."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated

import numpy as np

from repertoire.runtime.errors import BadModel
from repertoire.runtime.examples import source
from repertoire.runtime.inference.rows import over_texts
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task
from repertoire.runtime.texts import ROWS, Read, Texts, whole


@dataclass(frozen=True)
class Classify:
    text: Texts


class Classified(Read):
    label: Annotated[str, "the likeliest class"]
    probabilities: Annotated[dict[str, float], "of each class, by its name"]


def classify(model: Model, run: Run, request: Classify) -> list[Classified]:
    """What class texts are of."""
    encoding, classes = model.encoding("text"), _classes(model)
    ids = encoding.all_ids(request.text)
    texts = whole(encoding, ids)
    found = over_texts(run, "classify", texts, ROWS, "log_probs", pad=encoding.pad)
    probabilities, unknown = np.exp(found["log_probs"]), encoding.unknown
    likeliest = probabilities.argmax(1).tolist()
    named: Iterator[dict[str, float]] = map(dict, map(zip, repeat(classes), probabilities.tolist()))
    return [
        {
            "label": classes[best],
            "probabilities": each,
            "input_tokens": len(own),
            "unknown_tokens": own.count(unknown),
        }
        for best, each, own in zip(likeliest, named, ids, strict=True)
    ]


def _classes(model: Model) -> list[str]:
    """The names of the classes, in the order of the graph's output. Raises BadModel."""
    classes = model.manifest.document.get("facts", {}).get("classes")
    [port] = model.manifest.graph("classify").outputs
    if not isinstance(classes, list) or len(classes) != port.shape[1]:
        raise BadModel(f"the manifest of {model.name!r} does not name its classes; export again")
    return classes


TASKS = (
    Task(
        "classify",
        classify,
        use="telling which of a few classes a short text is of",
        rows="text",
        column="text",
        example=lambda known: {"text": source(known)},
    ),
)
