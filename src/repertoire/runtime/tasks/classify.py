"""The task of classifiers of texts: classify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.runtime.errors import BadModel
from repertoire.runtime.examples import source
from repertoire.runtime.fields import Fields
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Answer, Task
from repertoire.runtime.texts import by_length, padded_rows, read_texts


def classify(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """What class texts are of. `text`: a string or a list of them.

    Answers `results`, for each text: label (the likeliest class) and probabilities by class name.
    """
    fields = Fields(request)
    texts = read_texts(fields)
    fields.finish()
    encoding, classes = model.encoding("text"), _classes(model)
    ids = [[*encoding.ids(text), *encoding.closing] for text in texts]
    results: list[Answer] = [{}] * len(texts)
    for rows in by_length(ids):
        padded = padded_rows([ids[row] for row in rows], encoding.pad)
        log_probs = run("classify", "log_probs", tokens=padded)["log_probs"]
        for row, probabilities in zip(rows, np.exp(log_probs), strict=True):
            results[row] = {
                "label": classes[int(probabilities.argmax())],
                "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
            }
    return {"results": results}


def _classes(model: Model) -> list[str]:
    """The names of the classes, in the order of the graph's output. Raises BadModel."""
    classes = model.manifest.document.get("facts", {}).get("classes")
    [port] = model.manifest.graph("classify").outputs
    if not isinstance(classes, list) or len(classes) != port.shape[1]:
        raise BadModel(f"the manifest of {model.name!r} does not name its classes; export again")
    return classes


TASKS = {
    "classify": Task(
        classify,
        field="text",
        column="text",
        many=True,
        use="telling which of a few classes a short text is of",
        example=lambda known: {"text": source(known)},
        takes_text=True,
    )
}
