"""What a job asks of which rows: told by the model, the beginnings of the files and the options."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from repertoire.runtime import tasks
from repertoire.runtime.errors import InferenceError, InvalidInput
from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run
from repertoire.runtime.task import Task
from serving.batch import columns, declared, parts, rows
from serving.batch.answers import Answer, check_settings, graph_answer, task_answer
from serving.batch.columns import Head, Kept, Take
from serving.batch.csv_files import Row
from serving.batch.rows import Source

HEAD = 100  # rows by which columns are told


@dataclass(frozen=True)
class Asked:
    """A task of a model, or a graph of that name; what options say of it.

    `columns` and `keep` are pairs: a field of the task or a name in the output, and a column.
    """

    name: str
    settings: Mapping[str, Any]
    columns: Sequence[tuple[str, str]] = ()
    keep: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Plan:
    """How rows of the sources become those that the task takes; holds no model, for workers have
    theirs.

    `plain` rows are as Python has them; of others (Parquet, files) the columns `decoded` are
    needed so. `others` are further fields that columns fill.
    """

    asked: Asked
    take: Take
    plain: bool
    decoded: frozenset[str] | None
    others: Sequence[str]
    kept: Kept
    types: parts.Types

    def answer(self, model: Model, run: Run) -> Answer:
        """Of rows as they are in the files. Raises InferenceError for what the task refuses."""
        task, settings = _task(model, self.asked.name), self.asked.settings
        if task:
            known = task_answer(model, run, task, settings, self.others)
        else:
            known = graph_answer(model, run, self.asked.name)

        def of_file(group: Sequence[tuple[int, Row]]) -> list[Row]:
            if self.plain:
                return known([(number, self.take(row)) for number, row in group])
            loaded = [(n, self.take(rows.loaded(row, self.decoded))) for n, row in group]
            return known(loaded)

        return of_file


def medium(model: Model, name: str) -> str:
    """What files are to the task of that name."""
    task = _task(model, name)
    return "audio" if task and "audio" in (task.column, *task.others) else "image"


def of_files(model: Model, name: str) -> bool:
    """Whether a row of the task of that name is a file."""
    task = _task(model, name)
    return bool(task and task.media)


def make(model: Model, asked: Asked, sources: Sequence[Source]) -> tuple[Plan, list[Source], str]:
    """The plan, the sources with the columns that they need to give, and a line for people.

    Raises InferenceError for a task, a setting or a column that cannot be used.
    """
    heads = [head for source in sources if (head := _head(source)) is not None]
    if not heads:
        raise InvalidInput(f"{sources[0].path} holds no row; give it one")
    sources = [source for source in sources if source.path in {head.source for head in heads}]
    task, given = _task(model, asked.name), dict(asked.columns)
    others: list[str] = []
    if task:
        check_settings(task, asked.settings)
        taken = columns.of_task(heads[0], model, task, asked.settings, given)
        others = [name for name in given if name not in (task.rows, task.column)]
        take, wanted, line = taken.take, taken.columns, taken.line
        types = declared.columns_of(task.result)
    else:
        graph = model.manifest.graph(asked.name)
        given = {name: heads[0].find(column) for name, column in given.items()}
        ports = [port.name for port in graph.inputs]
        take, line = columns.renaming(given, (), {*ports, *given}, heads[0].spelled), ""
        wanted = {*given.values(), *ports}
        types = declared.columns_of_graph(graph)
    kept = columns.kept(heads[0], asked.keep)
    if sources[0].path.suffix != ".jsonl":  # whose lines tell their own columns
        here = {*wanted, *kept.columns.values()} & set(heads[0].names)
        for head in heads[1:]:
            columns.check_alike(heads[0], head, here)
    own = [_types(source, kept) for source in sources]
    _check_types(sources, own)
    known = {**own[0], **types}
    parquet = sources[0].path.suffix == ".parquet"
    plain = not parquet and not sources[0].medium
    decoded = frozenset((*wanted, "file")) if parquet else None
    read = None if kept.every else {*wanted, "file", *kept.columns.values()}
    given_sources = [replace(source, wanted=read) for source in sources]
    return Plan(asked, take, plain, decoded, others, kept, known), given_sources, line


def _task(model: Model, name: str) -> Task | None:
    return tasks.find(model, name) if name in model.manifest.tasks else None


def _head(source: Source) -> Head | None:
    """None of a table without a row."""
    if source.medium:
        return Head(source.path, ["file", source.medium], [], spelled=False, files=True)
    names: Sequence[str] = source.form.names if source.form else []
    if source.path.suffix == ".parquet":
        names = list(types := rows.types(source.path))
        texts = (pa.string(), pa.large_string())  # the only ones that are looked at
        source = replace(source, wanted=[name for name in names if types[name] in texts])
    first = list(itertools.islice(rows.read(source, 0), HEAD))
    if not first:
        return None
    good = [row for row in map(_readable, first) if row is not None]
    names = names or list(dict.fromkeys(name for row in good for name in row))
    return Head(source.path, list(names), good, spelled=source.form is not None)


def _readable(row: Row | InferenceError) -> Row | None:
    try:
        return None if isinstance(row, InferenceError) else rows.loaded(row)
    except InferenceError:
        return None


def _types(source: Source, kept: Kept) -> parts.Types:
    """Of the columns of the output that are known before there is an answer."""
    known: dict[str, pa.DataType] = {}
    if source.form:
        known = dict.fromkeys(source.form.names, pa.string())
    elif source.medium:
        known = {"file": pa.string()}
    elif source.path.suffix == ".parquet":
        known = rows.types(source.path)
    every = {name: name for name in known} if kept.every else {}
    names = {**every, "file": "file", **kept.columns}
    return {name: known[column] for name, column in names.items() if column in known}


def _check_types(sources: Sequence[Source], types: Sequence[parts.Types]) -> None:
    """Raises InvalidInput for a column that goes on and is of two types in two files."""
    for source, found in zip(sources[1:], types[1:], strict=True):
        for name, kind in types[0].items():
            if name in found and found[name] != kind:
                raise InvalidInput(
                    f"column {name} is {kind} in {sources[0].path} and {found[name]} in "
                    f"{source.path}; make them alike"
                )
