"""MLflow's python_function flavour of a model: its tasks, by MLflow's own functions and commands.

``mlflow.pyfunc.load_model("models:/dates@champion").predict([{"text": "…"}])``,
``mlflow models serve`` and ``mlflow models predict`` take rows with the fields of a request, and
give an answer a row. A parameter stands for a field of all rows; `task` chooses among the tasks.
MLflow imports this module by its name (`loader_module`): a version holds no code and no pickle.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE

from repertoire.runtime import load
from repertoire.runtime.errors import BadModel, InferenceError, Malformed
from repertoire.runtime.schema import fields_of
from repertoire.runtime.task import Task
from repertoire.runtime.tasks import TASKS, find
from repertoire.runtime.wire import plain
from serving.pyfunc_rows import Asked, rows_of

TASK = "task"


def _load_pyfunc(path: str) -> TaskModel:
    """What MLflow calls with the folder of a version."""
    return TaskModel(Path(path))


class TaskModel:
    """The tasks of a model folder as MLflow calls them."""

    def __init__(self, folder: Path) -> None:
        self._loaded = load(folder)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """An answer for each row: images and files in it are base64, as the server sends them.

        Raises MlflowException with one line for what cannot be asked.
        """
        given = {name: each for name, each in (params or {}).items() if each is not None}
        try:
            task = find(self._loaded.model, given.pop(TASK, self._loaded.tasks[0]))
            settings = self._settings(task, given)
            rows = rows_of(data, self._loaded.model, task, settings)
            return [plain(answer) for answer in self._answers(task, rows, settings)]
        except BadModel as error:
            raise MlflowException(str(error), INTERNAL_ERROR) from error
        except InferenceError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error

    def _settings(self, task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of all rows. MLflow adds the defaults of every task: those of others are left out.

        Raises Malformed for one that the task does not have.
        """
        known = fields_of(task.request)
        for name, value in given.items():
            others = (fields_of(TASKS[each].request) for each in self._loaded.tasks)
            defaults = [fields[name].default for fields in others if name in fields]
            if name not in known and value not in defaults:
                raise Malformed(f"unknown field {name}; known are {', '.join(known)}")
        return {name: value for name, value in given.items() if name in known}

    def _answers(self, task: Task, rows: list[Asked], settings: Mapping[str, Any]) -> Iterator[Any]:
        """Neighbours that differ in nothing but what a batch gives one of are asked together.

        So are all rows of a task that takes one at a time and answers several at once.
        """
        if task.batch is not None:
            with contextlib.suppress(InferenceError):  # which row is to blame is told below
                requests = [self._request(task, row, settings) for row in rows]
                yield from task.answers(self._loaded.model, self._loaded.run, requests)
                return
        for _, group in groupby(rows, key=attrgetter("alike")):
            asked = list(group)
            try:
                yield from self._answer(task, asked, settings)
            except InferenceError as error:
                raise type(error)(_where(asked, rows) + str(error)) from error

    def _answer(self, task: Task, asked: list[Asked], settings: Mapping[str, Any]) -> list[Any]:
        model, run, first = self._loaded.model, self._loaded.run, asked[0]
        fields = {**settings, **first.fields}
        if task.many and first.given is not None:
            asks = dataclasses.replace(task, rows=first.field)
            return list(asks.ask(model, run, [row.given for row in asked], fields))
        answer = task.answer(model, run, self._request(task, first, settings))
        return answer if task.many else [answer]

    def _request(self, task: Task, row: Asked, settings: Mapping[str, Any]) -> Any:
        """Raises Malformed and InvalidInput."""
        fields = {**settings, **row.fields}
        if "seed" not in row.fields:  # one of all rows draws each by its place
            fields = task.for_row(None, row.place, fields)
        given = {} if row.given is None else {row.field: row.given}
        return task.read({**{n: v for n, v in fields.items() if n != task.rows}, **given})


def _where(asked: list[Asked], rows: list[Asked]) -> str:
    """Which rows an error is about, counted from 0; nothing where there is no doubt."""
    first, last = asked[0].place, asked[-1].place
    if len(asked) == len(rows):
        return ""
    return f"row {first}: " if first == last else f"rows {first} to {last}: "
