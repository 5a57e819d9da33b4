"""The task of classifiers of texts: classify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from repertoire.runtime.errors import BadModel
from repertoire.runtime.examples import source
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task
from repertoire.runtime.texts import Read, Texts, by_length, how_read, padded_rows


@dataclass(frozen=True)
class Classify:
    text: Texts


class Classified(Read):
    label: Annotated[str, "the likeliest class"]
    probabilities: Annotated[dict[str, float], "of each class, by its name"]


def classify(model: Model, run: Run, request: Classify) -> list[Classified]:
    """What class texts are of."""
    encoding, classes = model.encoding("text"), _classes(model)
    ids = [encoding.ids(text) for text in request.text]
    whole = [[*each, *encoding.closing] for each in ids]
    found: dict[int, Classified] = {}
    for rows in by_length(whole):
        padded = padded_rows([whole[row] for row in rows], encoding.pad)
        log_probs = run("classify", "log_probs", tokens=padded)["log_probs"]
        for row, probabilities in zip(rows, np.exp(log_probs), strict=True):
            found[row] = {
                "label": classes[int(probabilities.argmax())],
                "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
                **how_read(encoding, ids[row]),
            }
    return [found[row] for row in range(len(ids))]


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
