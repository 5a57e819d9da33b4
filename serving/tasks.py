"""The table of what people can ask of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from serving.errors import ModelNotFound
from serving.language import Answer, generate, generate_events, score, translate
from serving.pictures import reconstruct, sample
from serving.plane import Run
from serving.repository import Model

Task = Callable[[Model, Run, Mapping[str, Any]], Answer]
Stream = Callable[[Model, Run, Mapping[str, Any]], Iterator[Answer]]

TASKS: Mapping[str, Task] = {
    "score": score,
    "generate": generate,
    "translate": translate,
    "reconstruct": reconstruct,
    "sample": sample,
}
STREAMS: Mapping[str, Stream] = {"generate": generate_events}


def find(model: Model, name: str) -> Task:
    """The task of that name if the model offers it. Raises ModelNotFound."""
    if name not in model.manifest.tasks or name not in TASKS:
        offered = ", ".join(model.manifest.tasks) or "none"
        raise ModelNotFound(f"model {model.name!r} has no task {name!r}; its tasks are: {offered}")
    return TASKS[name]
