"""What a task is: something people ask of a model, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from repertoire.runtime.model import Model
from repertoire.runtime.signature import Run

Request = Mapping[str, Any]
Answer = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class File:
    """A file that an example sends: in its place stand its bytes in base64.

    `long` tells that they may be more than an argument of a command can hold (128 KiB).
    """

    name: str
    long: bool = False


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of a model when an example is written; a server knows its facts alone.

    `facts` of the manifest, `config` of the recipe, `figures` as evaluation/figures.json has them.
    """

    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    figures: Sequence[Mapping[str, Any]] = ()

    def figure(self, name: str) -> Mapping[str, Any] | None:
        return next((figure for figure in self.figures if figure["name"] == name), None)


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

    `use` completes "a model for …" on a model card. `example(known)` is a request that may be sent
    as it stands, but for each File in it. It asks for the media type `accept` of those `rendered`,
    and keeps the answer in the file `into`.
    """

    answer: Callable[[Model, Run, Request], Answer]
    field: str
    column: str
    many: bool
    use: str
    example: Callable[[Known], Request]
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
    accept: str = ""
    into: str = ""

    def __post_init__(self) -> None:
        if not self.use:
            raise ValueError("a task without use; say what a model that has it is for")
        if bool(self.accept) != bool(self.into) or self.accept not in {"", *self.rendered}:
            known = ", ".join(self.rendered) or "none"
            raise ValueError(f"accept {self.accept!r}, into {self.into!r}: rendered are {known}")


def named(value: Any) -> Any:
    """An example, or a part of it, with the name of each file in its place."""
    if isinstance(value, File):
        return value.name
    if isinstance(value, Mapping):
        return {key: named(each) for key, each in value.items()}
    return [named(each) for each in value] if isinstance(value, list) else value


def files_of(value: Any) -> list[File]:
    """The files of an example, or of a part of it, in their order."""
    if isinstance(value, File):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [file for each in value for file in files_of(each)] if isinstance(value, list) else []
