"""A model folder in a program: its tasks as methods."""

from __future__ import annotations

import inspect
import keyword
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from repertoire.runtime import tasks
from repertoire.runtime.errors import Malformed
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model, read_model
from repertoire.runtime.onnx_run import OnnxRun
from repertoire.runtime.ports import Limits
from repertoire.runtime.schema import fields_of
from repertoire.runtime.session import open_graph
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Event, Task

PLAIN = (str, int, float, bytes)
LONGEST_PATH = 4096  # characters; what is longer is base64


class LoadedModel:
    """``model.<task>(rows, **settings)`` for each of ``model.tasks``; see ``help(model.<task>)``.

    A task whose name is a word of Python's has an underscore after it: ``model.continue_(…)``.
    `run` uses its graphs directly: ``model.run("score", tokens=…, targets=…)``. Thread-safe.
    """

    def __init__(self, model: Model, run: Run) -> None:
        self.model, self.run = model, run
        self._bound: dict[str, BoundTask] = {}

    @staticmethod
    def of_folder(folder: Path, threads: int | None = None) -> LoadedModel:
        """Reads the manifest; graphs are verified and opened at first use. Raises BadModel."""
        model = read_model(folder)
        graphs: Mapping[str, Graph] = model.manifest.graphs
        count = threads or os.cpu_count() or 1
        run = OnnxRun(graphs, lambda name: open_graph(model, graphs[name], count), Limits())
        return LoadedModel(model, run)

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def version(self) -> str:
        return self.model.version

    @property
    def tasks(self) -> tuple[str, ...]:
        return self.model.manifest.tasks

    @property
    def manifest(self) -> Mapping[str, Any]:
        """All that is known of the model: metrics, baselines, verdict, facts, digests."""
        return self.model.manifest.document

    def __getattr__(self, name: str) -> BoundTask:
        bare = name.removesuffix("_")
        name = bare if keyword.iskeyword(bare) else name
        if name.startswith("_") or name not in self.tasks:
            raise AttributeError(
                f"model {self.name!r} has no task {name!r}; its tasks are: {', '.join(self.tasks)}"
            )
        if name not in self._bound:
            self._bound[name] = BoundTask(self, tasks.find(self.model, name))
        return self._bound[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(f"{n}_" if keyword.iskeyword(n) else n for n in self.tasks)]

    def __repr__(self) -> str:
        return f"<model {self.name}, version {self.version}: {', '.join(self.tasks)}>"


class BoundTask:
    """A task of a loaded model: a function of one row, or of a list of rows of any length.

    A row is a text, an image (a path, the bytes of a file, a PIL image, uint8[height, width] or
    [height, width, 3]), a list of numbers and so on; settings are the other fields of a request.
    Images in an answer are arrays, files are bytes.
    """

    def __init__(self, loaded: LoadedModel, task: Task) -> None:
        self._loaded, self.task = loaded, task
        self.__doc__ = task.description
        self.__signature__ = _signature(task)

    def __call__(self, *rows: Any, **settings: Any) -> Any:
        """One answer for one row, a list of them for a list. Raises Malformed, InvalidInput."""
        given, settings = self._fields(rows, settings)
        model, run = self._loaded.model, self._loaded.run
        if self.task.rows not in given:
            request = self.task.read(settings)
            return self.task.answer(model, run, request)
        value = given[self.task.rows]
        if self.task.is_row(model, value):
            [answer] = self.task.ask(model, run, [value], settings)
            return answer
        if not isinstance(value, (list, tuple)):
            self.task.read({**settings, self.task.rows: value})  # raises, saying what it takes
        return self.task.ask(model, run, list(value), settings)

    def steps(self, *rows: Any, **settings: Any) -> Iterator[Event]:
        """What happens while the answer to one request is made; the last is ("done", answer)."""
        given, settings = self._fields(rows, settings)
        request = self.task.read({**settings, **given})
        return self.task.steps(self._loaded.model, self._loaded.run, request)

    def _fields(
        self, rows: tuple[Any, ...], settings: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The field of the rows, where it is given, and the other fields."""
        if len(rows) > 1:
            raise Malformed(f"{self.task.name} takes one row, or one list; settings have names")
        name = self.task.rows
        local = {each: _local(value) for each, value in settings.items()}
        if rows:
            local[name] = _local(rows[0])
        if name not in local:
            return {}, local
        value = local.pop(name)
        return {name: _opened(value) if self.task.media else value}, local


def _local(value: Any) -> Any:
    """What a program has at hand as a request holds it: a path as its bytes, numbers as lists."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [each if isinstance(each, PLAIN) else _local(each) for each in value]
    if isinstance(value, os.PathLike):
        return Path(value).read_bytes()
    if isinstance(value, np.ndarray):
        if value.dtype != np.uint8:
            return value.tolist()
        batch = value.ndim == 4 or (value.ndim == 3 and value.shape[2] != 3)
        return list(value) if batch else value
    if isinstance(value, Mapping):
        return {name: _local(each) for name, each in value.items()}
    return value


def _opened(value: Any) -> Any:
    """The bytes of a file for its name: one's own program may read files, a server must not."""
    if isinstance(value, str) and len(value) < LONGEST_PATH:
        if Path(value).is_file():
            return Path(value).read_bytes()
        if "." in value:  # which base64 has not
            raise Malformed(f"there is no file {value}")
    return [_opened(each) for each in value] if isinstance(value, list) else value


def _signature(task: Task) -> inspect.Signature:
    fields = fields_of(task.request)
    order = [task.rows, *(name for name in fields if name != task.rows)]
    either, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                either if name == task.rows else named,
                default=inspect.Parameter.empty if fields[name].required else fields[name].default,
            )
            for name in order
        ]
    )
