"""What a task is: something people ask of a model, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from serving.plane import Run
from serving.repository import Model

Request = Mapping[str, Any]
Answer = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Task:
    """`answer(model, run, request)` turns request fields into a JSON-able answer.

    Raises Malformed and InvalidInput for bad requests. `stream` yields events instead, the last of
    them with `finish`. `rendered` gives the answer's bytes and headers for a media type that a
    client accepts. In a batch job the column `column` of a row fills the field `field`, or one of
    `others` (column -> field) does; with a text if the task `takes_text`, else with what JSON can
    spell. A task that takes `many` answers a list of them with as many `results`; one that is
    `seeded` draws, and gets a seed of its own for each row. `table(model, settings)` names columns
    of numbers, if the model knows such, that fill the column `table_column` as one list; it raises
    InvalidInput. Where the model knows its `raw_cells`, they go there as the file has them.
    """

    answer: Callable[[Model, Run, Request], Answer]
    field: str
    column: str
    many: bool
    takes_text: bool = False
    seeded: bool = False
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    table: Callable[[Model, Mapping[str, Any]], Sequence[str]] | None = None
    table_column: str = ""
    raw_cells: Callable[[Model], bool] | None = None
    stream: Callable[[Model, Run, Request], Iterator[Answer]] | None = None
    rendered: Mapping[str, Callable[[Model, Run, Request], tuple[bytes, dict[str, str]]]] = (
        dataclasses.field(default_factory=dict)
    )
