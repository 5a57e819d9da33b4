"""The task of classifiers of texts: classify.

Requests and answers are those of serving/task.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.errors import BadModel
from serving.examples import source
from serving.fields import Fields
from serving.plane import Run
from serving.repository import Model
from serving.task import Answer, Task
from serving.texts import by_length, encoding_of, padded_rows, read_texts


def classify(model: Model, run: Run, request: Mapping[str, Any]) -> Answer:
    """What class texts are of. `text`: a string or a list of them.

    Answers `results`, for each text: label (the likeliest class) and probabilities by class name.
    """
    fields = Fields(request)
    texts = read_texts(fields)
    fields.finish()
    encoding, classes = encoding_of(model, "text"), _classes(model)
    ids = [[*encoding.ids(text), *encoding.closing] for text in texts]
    results: list[Answer] = [{}] * len(texts)
    for rows in by_length(ids):
        padded = padded_rows([ids[row] for row in rows], encoding.pad)
        log_probs = run("classify", {"tokens": padded}, ["log_probs"])["log_probs"]
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
