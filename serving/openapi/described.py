"""What a function behind a route takes and answers: a mark, which openapi.py reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from repertoire.runtime.schema import shape_of

F = TypeVar("F", bound=Callable[..., Any])
JSON = "application/json"
BINARY = "application/octet-stream"
EVENTS = "text/event-stream"
READS = (400, 413, 415, 504)  # of whatever reads a body
RUNS = (400, 404, 413, 415, 422, 503, 504)  # of whatever runs a graph besides
MARK = "described"  # the attribute of a function that ``described`` sets
Schema = Mapping[str, Any]
Answers = Mapping[str, Schema]
"""Schemas by media type."""


@dataclass(frozen=True)
class Described:
    """`answers` by status. `body` may be left out if `optional`; `errors` are statuses.

    The docstring of the function says what it does.
    """

    answers: Mapping[int, Answers]
    body: Answers = field(default_factory=dict)
    optional: bool = False
    errors: tuple[int, ...] = ()
    tag: str = "server"
    parameters: tuple[Schema, ...] = ()


def described(
    answer: Any = None,
    *,
    body: Any = None,
    media: str = JSON,
    also: Mapping[int, Any] | None = None,
    errors: Iterable[int] = (),
    tag: str = "server",
) -> Callable[[F], F]:
    """Of an endpoint with one answer in `media` and a body in JSON: types, or JSON Schemas.

    Bodies are optional unless the schema requires a field. `also` are answers of other statuses.
    """
    given = {} if answer is None else {200: {media: schema_of(answer)}}
    answers = given | {status: {JSON: schema_of(each)} for status, each in (also or {}).items()}
    taken = None if body is None else schema_of(body)
    optional = taken is None or "required" not in taken
    bodies = {} if taken is None else {JSON: taken}
    return marked(Described(answers, bodies, optional, tuple(errors), tag))


def marked(told: Described) -> Callable[[F], F]:
    """As ``described``, of what takes more words."""

    def mark(function: F) -> F:
        setattr(function, MARK, told)
        return function

    return mark


def schema_of(of: Any) -> Schema:
    """The JSON Schema of a type; a schema is its own."""
    return of if isinstance(of, Mapping) else shape_of(of).schema


def file_of(media: str) -> Schema:
    """The schema of bytes, or of text; of events none, for readers take it for that of each."""
    if media == EVENTS:
        return {"description": "server-sent events"}
    told = {} if media.startswith("text/") else {"format": "binary"}
    return {"type": "string", **told}
