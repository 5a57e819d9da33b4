"""What people can ask of a model. Each module here offers some `TASKS`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from repertoire.runtime.errors import ModelNotFound
from repertoire.runtime.model import Model
from repertoire.runtime.shapes import quoted
from repertoire.runtime.task import Task


def _found() -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for module in pkgutil.iter_modules(__path__):
        for task in importlib.import_module(f"{__name__}.{module.name}").TASKS:
            if task.name in tasks:
                raise RuntimeError(f"tasks/{module.name}.py: task {task.name} is offered twice")
            tasks[task.name] = task
    return tasks


TASKS: Mapping[str, Task] = _found()


def find(model: Model, name: str) -> Task:
    """The task of that name if the model offers it. Raises ModelNotFound."""
    if name in model.manifest.tasks and name not in TASKS:
        raise ModelNotFound(
            f"model {model.name!r} names a task {name!r} that is not known here; "
            "add a module with it to runtime/tasks, or use the version that made the model"
        )
    if name not in model.manifest.tasks:
        offered = ", ".join(model.manifest.tasks) or "none"
        lacking = f"model {model.name!r} has no task {quoted(name)}"
        raise ModelNotFound(f"{lacking}; its tasks are: {offered}")
    return TASKS[name].of(model)
