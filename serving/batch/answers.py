"""Answers to rows of a file: a task or a raw graph, with every bad row set apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from repertoire.runtime.errors import (
    BadModel,
    InferenceError,
    InvalidInput,
    Malformed,
    ModelNotFound,
)
from repertoire.runtime.manifest import Graph
from repertoire.runtime.model import Model
from repertoire.runtime.ports import from_numbers
from repertoire.runtime.schema import LARGEST_SEED, Rows, fields_of
from repertoire.runtime.signature import Arrays, Run
from repertoire.runtime.task import Task
from repertoire.runtime.wire import plain
from serving.batch.csv_files import Row

Item = tuple[int, Row | InferenceError]
"""A row, or an answer, with the number of its input row; or what is wrong with it."""
Answer = Callable[[Sequence[tuple[int, Row]]], list[Row]]
"""Answers to numbered rows in their order; whatever it raises, a row is to blame for."""
ROWS = 64  # of a graph in one run
FILES = 32  # in one request: they are decoded at once
FILE = {"bytes", "path"}  # members of a struct that holds a file, as Hugging Face writes it


def task_answer(
    model: Model, run: Run, asked: Task, settings: Mapping[str, Any], fields: Sequence[str] = ()
) -> Answer:
    """Asks a task: rows of any number, as many in one request as it takes, else one by one.

    Drawn answers depend on the setting `seed` and the number of the row alone. `fields` are further
    ones of a task that takes a row at a time, filled by columns of their names. Raises Malformed
    and InvalidInput for settings that the task does not take.
    """
    check_settings(asked, settings)
    if asked.seeded and settings.get("seed") is None:
        settings = {**settings, "seed": 0}
    most = min(asked.most, FILES) if asked.media else asked.most
    spelled = plain if _holds_files(asked) else _as_it_is

    def many(group: Sequence[tuple[int, Row]]) -> list[Row]:
        column, field = _filling(asked, group[0][1])
        values = [row.get(column) for _, row in group]
        if not all(isinstance(value, str) for value in values):
            values = [_value(row, column) for _, row in group]
        answers: dict[int, Row] = {}
        for places in _runs(values, most):
            rows = Rows([values[place] for place in places])
            results = asked.answer(model, run, asked.read({**settings, field: rows}))
            answers |= zip(places, map(spelled, results), strict=True)
        return [answers[place] for place in range(len(values))]

    def one(group: Sequence[tuple[int, Row]]) -> list[Row]:
        requests = [asked.read(filled(number, row)) for number, row in group]
        if asked.batch is not None:
            return [spelled(answer) for answer in asked.answers(model, run, requests)]
        return [spelled(asked.answer(model, run, request)) for request in requests]

    def filled(number: int, row: Row) -> dict[str, Any]:
        column, field = _filling(asked, row)
        given = {**settings, field: _value(row, column)}
        if asked.seeded:
            given["seed"] = (settings["seed"] + number) % (LARGEST_SEED + 1)
        return given | {name: row[name] for name in fields if row.get(name) is not None}

    return many if asked.many else one


def _holds_files(asked: Task) -> bool:
    """Whether an answer may hold images or other files, at any depth."""
    return "contentMediaType" in str(asked.answer_schema())


def _as_it_is(answer: Row) -> Row:
    return answer


def _runs(values: Sequence[Any], most: int) -> Iterator[Sequence[int]]:
    """The places of what goes into each request: texts of similar length, others in their order."""
    places: Sequence[int] = range(len(values))
    if len(values) > most and all(isinstance(value, str) for value in values):
        places = sorted(places, key=lambda place: len(values[place]))
    yield from (places[start : start + most] for start in range(0, len(places), most))


def _filling(asked: Task, row: Row) -> tuple[str, str]:
    """The column of the row that fills a field of the task, and that field."""
    for column, field in asked.others.items():
        if row.get(column) is not None:
            return column, field
    return asked.column, asked.rows


def check_settings(asked: Task, settings: Mapping[str, Any]) -> None:
    """Raises Malformed and InvalidInput for what the task does not take, before any row does."""
    known = fields_of(asked.request)
    for name, value in settings.items():
        if name not in known:
            raise Malformed(f"{asked.name} has no setting {name}; there are {', '.join(known)}")
        known[name].shape.take(value, name)


def _value(row: Row, column: str) -> Any:
    value = row.get(column)
    if isinstance(value, dict) and "bytes" in value and value.keys() <= FILE:
        if value["bytes"] is None:
            raise Malformed(f"{column} names a file and does not hold it; write its bytes, too")
        value = value["bytes"]
    if value is None:
        raise Malformed(f"the row has no {column}; its columns are {', '.join(row) or 'none'}")
    return value


def graph_answer(model: Model, run: Run, name: str) -> Answer:
    """Runs a graph on columns named as its inputs, each holding one row without batch axis."""
    graph = model.manifest.graph(name)
    if not graph.batchable:
        raise InvalidInput(f"graph {name} has ports without a batch axis; use a task instead")
    axes = {port.name: port.batch_axis or 0 for port in (*graph.inputs, *graph.outputs)}

    def answer(group: Sequence[tuple[int, Row]]) -> list[Row]:
        return [
            row
            for start in range(0, len(group), ROWS)
            for row in answer_some(group[start : start + ROWS])
        ]

    def answer_some(group: Sequence[tuple[int, Row]]) -> list[Row]:
        inputs = [_row_arrays(graph, row) for _, row in group]
        if len({tuple((k, a.shape) for k, a in each.items()) for each in inputs}) > 1:
            return [done for item in group for done in answer_some([item])]
        stacked = {k: np.stack([each[k] for each in inputs], axes[k]) for k in inputs[0]}
        outputs = run(name, **stacked)
        split = {k: np.moveaxis(a, axes[k], 0).tolist() for k, a in outputs.items()}
        return [
            dict(zip(split, values, strict=True)) for values in zip(*split.values(), strict=True)
        ]

    return answer


def _row_arrays(graph: Graph, row: Row) -> Arrays:
    given = [port for port in graph.inputs if row.get(port.name) is not None]
    return {port.name: from_numbers(port.name, row[port.name], port.dtype) for port in given}


def attempt(answer: Answer, group: Sequence[Item]) -> list[Item]:
    """The answer, or else the error, of every row; a bad row does not spoil its neighbours."""
    good = [(number, row) for number, row in group if not isinstance(row, InferenceError)]
    answered = _attempt(answer, good)
    if len(good) == len(group):
        return answered
    bad: list[Item] = [(number, row) for number, row in group if isinstance(row, InferenceError)]
    return sorted([*bad, *answered], key=itemgetter(0))


def _attempt(answer: Answer, group: Sequence[tuple[int, Row]]) -> list[Item]:
    """Halves a group that cannot be answered until the rows that are to blame stand alone."""
    if not group:
        return []
    try:
        answers = answer(group)
    except Exception as error:
        if isinstance(error, BadModel | ModelNotFound | OSError):
            raise  # which is so for every row
        if len(group) == 1:
            return [(group[0][0], _reason(error))]
        half = len(group) // 2
        return [*_attempt(answer, group[:half]), *_attempt(answer, group[half:])]
    return list(zip((number for number, _ in group), answers, strict=True))


def _reason(error: Exception) -> InferenceError:
    if isinstance(error, InferenceError):
        return error
    told = " ".join(str(error).split())
    return InvalidInput(f"the model cannot answer this row ({type(error).__name__}: {told})")
