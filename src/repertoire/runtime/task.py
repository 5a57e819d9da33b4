"""What a task is: something people ask of a model, by name, declared once.

The endpoint, its OpenAPI schema, the batch job, the model card, the page, MLflow's flavour and
``load(folder).<task>(…)`` are driven by it.
"""

from __future__ import annotations

import dataclasses
import inspect
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from repertoire.runtime.errors import Malformed
from repertoire.runtime.model import Model
from repertoire.runtime.schema import Many, Media, Rows, fields_of, json_schema, read, shape_of
from repertoire.runtime.signature import Run

PAUSE = 0.05  # seconds between two events that tell how far a task is
Event = tuple[str, Any]
"""What happens while a task is at work: a kind ("token", "progress") and its content.

The last is ("done", the answer)."""
Render = Callable[[Model, Any, Any], bytes]
"""(model, request, answer) -> the bytes of a file"""


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
class Columns:
    """Columns of numbers, or of cells as a file has them, that fill one field as a list.

    `names(model, settings)` are empty where the model takes something else; raises InvalidInput.
    `raw(model)`: whether cells go there as the file has them.
    """

    field: str
    names: Callable[[Model, Mapping[str, Any]], Sequence[str]]
    raw: Callable[[Model], bool]


@dataclasses.dataclass(frozen=True)
class Task:
    """`answer(model, run, request)`: a request (a frozen dataclass) to an answer (a TypedDict).

    Both types are those of its annotations. It raises Malformed and InvalidInput for bad requests;
    its docstring describes it to users. The field `rows` is what a batch gives one of a row: where
    it is declared as ``Many``, a request holds many and the answer is a list of as many, else a
    request holds one. `column` is what that one is called in a file of rows, and `others` name
    further columns (column -> field) that may stand in its place.

    `use` completes "a model for …" on a model card. `example(known)` is a request that may be sent
    as it stands, but for each File in it; it asks for the media type `accept` of those `rendered`
    and keeps the answer in the file `into`. `options(model)` narrows the schema of fields to what
    this model knows; None hides a field that it does not take. `events` does the work of a long
    task instead, step by step. `batch` answers several requests of one row each, as each is
    answered alone. `one(model, value)` tells a row from a list where it takes the model to say so.
    """

    name: str
    answer: Callable[[Model, Run, Any], Any]
    use: str
    rows: str
    column: str
    example: Callable[[Known], Mapping[str, Any]]
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: Columns | None = None
    options: Callable[[Model], Mapping[str, Mapping[str, Any] | None]] = lambda model: {}
    events: Callable[[Model, Run, Any], Iterator[Event]] | None = None
    batch: Callable[[Model, Run, Sequence[Any]], Sequence[Any]] | None = None
    one: Callable[[Model, Any], bool] | None = None
    rendered: Mapping[str, Render] = dataclasses.field(default_factory=dict)
    accept: str = ""
    into: str = ""

    def __post_init__(self) -> None:
        if not self.use:
            raise ValueError(f"task {self.name}: without use; say what a model that has it is for")
        if bool(self.accept) != bool(self.into) or self.accept not in {"", *self.rendered}:
            known = ", ".join(self.rendered) or "none"
            asked = f"accept {self.accept!r}, into {self.into!r}"
            raise ValueError(f"task {self.name}: {asked}; rendered are {known}")
        if unknown := {self.rows, *self.others.values()} - fields_of(self.request).keys():
            raise ValueError(f"task {self.name}: {', '.join(unknown)} is no field of its request")

    @cached_property
    def request(self) -> Any:
        """The dataclass of a request."""
        hints = inspect.get_annotations(self.answer, eval_str=True)
        return next(hint for name, hint in hints.items() if name == "request")

    @cached_property
    def result(self) -> Any:
        """The TypedDict of one answer."""
        hint = inspect.get_annotations(self.answer, eval_str=True)["return"]
        return hint.__args__[0] if self.many else hint

    @cached_property
    def many(self) -> bool:
        """Whether a request holds many rows, and the answer is a list."""
        hint = inspect.get_annotations(self.answer, eval_str=True)["return"]
        return getattr(hint, "__origin__", None) is list

    @cached_property
    def most(self) -> int:
        """How many rows one request may hold."""
        notes = getattr(fields_of(self.request)[self.rows].hint, "__metadata__", ())
        return next(note.most for note in notes if isinstance(note, Many)) if self.many else 1

    @cached_property
    def row(self) -> Any:
        """The type of what one row holds."""
        hint = fields_of(self.request)[self.rows].hint
        base = hint.__origin__ if hasattr(hint, "__metadata__") else hint
        if not self.many:
            return hint
        alternatives = [base, *getattr(base, "__args__", ())]  # None where it may be left out
        return next(each for each in alternatives if typing.get_origin(each) is list).__args__[0]

    @property
    def seeded(self) -> bool:
        """Whether answers are drawn."""
        return "seed" in fields_of(self.request)

    @property
    def takes_text(self) -> bool:
        """Whether a row is a text: cells of a file then go there as they are."""
        return self.row is str or getattr(self.row, "__origin__", None) is str

    @cached_property
    def media(self) -> str:
        """The type of files that a row is, such as image/*; empty for others."""
        notes = getattr(self.row, "__metadata__", ())
        return next((note.name for note in notes if isinstance(note, Media)), "")

    @property
    def description(self) -> str:
        return inspect.getdoc(self.answer) or ""

    def request_schema(self, model: Model | None = None) -> dict[str, Any]:
        """JSON Schema of a request, to any model or to one; `stream` is the server's."""
        schema = json_schema(self.request)
        narrowed = self.options(model) if model else {}
        properties = {
            name: {**told, **own}
            for name, told in schema["properties"].items()
            if (own := narrowed.get(name, {})) is not None
        }
        return {**schema, "properties": properties}

    def of(self, model: Model) -> Task:
        """The task as a model has it: rows go into the field that it takes."""
        hidden = {name for name, own in self.options(model).items() if own is None}
        if self.rows not in hidden and not hidden.intersection(self.others.values()):
            return self
        fields = {self.column: self.rows, **self.others}
        column, *others = (name for name, field in fields.items() if field not in hidden)
        kept = {name: fields[name] for name in others}
        return dataclasses.replace(self, rows=fields[column], column=column, others=kept)

    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of the answer as JSON has it."""
        one = json_schema(self.result)
        if not self.many:
            return one
        results = {"type": "array", "items": one}
        closed = {"required": ["results"], "additionalProperties": False}
        return {"type": "object", "properties": {"results": results}, **closed}

    def read(self, fields: Mapping[str, Any]) -> Any:
        """The request of these fields. Raises Malformed and InvalidInput."""
        return read(self.request, fields)

    def steps(self, model: Model, run: Run, request: Any) -> Iterator[Event]:
        """What happens until the answer is there."""
        if self.events is not None:
            yield from self.events(model, run, request)
        else:
            yield "done", self.answer(model, run, request)

    def ask(self, model: Model, run: Run, rows: Sequence[Any], settings: Mapping[str, Any]) -> Any:
        """An answer for each row, however many there are; drawn ones by the seed and their place.

        Raises Malformed and InvalidInput.
        """
        if self.many:
            answers: list[Any] = []
            for start in range(0, len(rows), self.most):
                group = Rows(rows[start : start + self.most])
                answers += self.answer(model, run, self.read({**settings, self.rows: group}))
            return answers
        asked = [self.read(self.for_row(row, place, settings)) for place, row in enumerate(rows)]
        return self.answers(model, run, asked)

    def answers(self, model: Model, run: Run, requests: Sequence[Any]) -> list[Any]:
        """The answers to requests of one row each, together where the task knows how."""
        if self.batch is not None and len(requests) > 1:
            return list(self.batch(model, run, requests))
        return [self.answer(model, run, request) for request in requests]

    def for_row(self, row: Any, place: int, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a request for one row of a task that takes one at a time."""
        fields = {**settings, self.rows: row}
        if self.seeded and (seed := settings.get("seed")) is not None:
            if isinstance(seed, bool) or not isinstance(seed, int):
                raise Malformed("seed is no whole number; send one")
            fields["seed"] = seed + place
        return fields

    def is_row(self, model: Model, value: Any) -> bool:
        """Whether a value is one row, and not a list of them."""
        if self.one:
            return self.one(model, value)
        fits = self._fits_row
        listed = self.many and isinstance(value, list) and bool(value) and fits(value[0])
        return fits(value) and not listed

    @cached_property
    def _fits_row(self) -> Callable[[Any], bool]:
        return shape_of(self.row).fits


class Pace:
    """Tells how far a task of `of` steps is, at most so often that somebody can follow it."""

    def __init__(self, of: int) -> None:
        self._of, self._due = of, 0.0

    def at(self, done: int) -> Iterator[Event]:
        """An event, or none if the last is not long ago."""
        now = time.monotonic()
        if now >= self._due or done == self._of:
            self._due = now + PAUSE
            yield "progress", {"done": done, "of": self._of}


def last(events: Iterator[Event]) -> Any:
    """The answer of a task that goes step by step."""
    for _, content in events:
        answer = content
    return answer


def example_of(task: Task, model: Model) -> Mapping[str, Any]:
    """A request that works; a manifest of before holds none, and files are then to be put in.

    What is more than this model allows is as much as it allows.
    """
    held = model.manifest.document.get("examples") or {}
    known = Known(facts=model.manifest.document.get("facts") or {})
    example = held.get(task.name) or task.example(known)
    narrowed = {name: own for name, own in task.options(model).items() if own}
    most = {name: own["maximum"] for name, own in narrowed.items() if "maximum" in own}
    return {n: min(each, most[n]) if n in most else each for n, each in example.items()}


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
