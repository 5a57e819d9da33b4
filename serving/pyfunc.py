"""MLflow's python_function flavour of a model: its tasks, by MLflow's own functions and commands.

``mlflow.pyfunc.load_model("models:/dates@champion").predict([{"text": "…"}])``,
``mlflow models serve`` and ``mlflow models predict`` take rows with the fields of a request, and
give an answer a row. A parameter stands for a field of all rows; `task` chooses among the tasks.
MLflow imports this module by its name (`loader_module`): a version holds no code and no pickle.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from repertoire.runtime import load
from repertoire.runtime.errors import InferenceError
from repertoire.runtime.schema import fields_of
from repertoire.runtime.task import Task, plain
from repertoire.runtime.tasks import find

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
        settings = {name: each for name, each in (params or {}).items() if each is not None}
        name = settings.pop(TASK, self._loaded.tasks[0])
        try:
            task = find(self._loaded.model, name)
            return [plain(answer) for answer in self._answers(task, _rows(data, task), settings)]
        except InferenceError as error:
            raise MlflowException(str(error), INVALID_PARAMETER_VALUE) from error

    def _answers(
        self, task: Task, rows: Iterable[dict[str, Any]], settings: Mapping[str, Any]
    ) -> Iterable[Any]:
        """Neighbours with equal settings are asked together."""
        model, run = self._loaded.model, self._loaded.run
        known = fields_of(task.request)
        common = {field: value for field, value in settings.items() if field in known}
        own = [(row.pop(task.rows, None), json.dumps(row, default=str), row) for row in rows]
        place = 0
        for _, group in groupby(own, key=itemgetter(1)):
            asked = list(group)
            fields = {**common, **asked[0][2]}
            given = [value for value, _, _ in asked]
            if given[0] is None and not known[task.rows].required:
                given = [known[task.rows].default] * len(given)
            if "seed" in fields and not task.many:
                fields["seed"] += place
            yield from task.ask(model, run, given, fields)
            place += len(asked)


def _rows(data: Any, task: Task) -> list[dict[str, Any]]:
    """Rows of a table, or of a list of mappings; what is missing in one is left out of it."""
    if isinstance(data, pd.DataFrame):
        data = data.to_dict("records")
    if isinstance(data, Mapping):
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
        raise MlflowException(
            f"the input is no table and no list of objects; send rows with {task.rows}",
            INVALID_PARAMETER_VALUE,
        )
    known = fields_of(task.request)
    return [{n: _read(v, task, n) for n, v in row.items() if n in known and _is(v)} for row in data]


def _is(value: Any) -> bool:
    """Whether a cell holds something; a table has NaN where a row lacks a column."""
    return value is not None and not (isinstance(value, float) and value != value)


def _read(value: Any, task: Task, field: str) -> Any:
    """A cell; a list or an object that is spelled in JSON, as a CSV file has it, is read."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    is_spelled = isinstance(value, str) and value[:1] in ("[", "{")
    if is_spelled and not fields_of(task.request)[field].shape.fits(value):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
