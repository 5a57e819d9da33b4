"""What requests and answers hold, declared by types: read, checked, described as JSON Schema.

A request is a frozen dataclass, an answer a TypedDict. Their fields are of plain types and of
``Annotated`` ones, whose notes are a text (the description), ``Between``, ``Many``, ``Size``,
``Media`` and ``Called``.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Required, TypeVar, Union

from repertoire.runtime import shapes
from repertoire.runtime.errors import Malformed
from repertoire.runtime.shapes import (
    Between,
    Called,
    Many,
    Media,
    Rows,
    Shape,
    Size,
    shown,
    spelled,
)

__all__ = [
    "LARGEST_SEED",
    "Between",
    "Called",
    "Field",
    "Many",
    "Media",
    "Rows",
    "Seed",
    "Shape",
    "Size",
    "fields_of",
    "json_schema",
    "read",
    "shape_of",
    "shown",
    "spelled",
]
T = TypeVar("T")
FEW = 5  # unknown fields that a message names
LARGEST_SEED = 2**53 - 1  # the largest that every reader of JSON keeps whole
Seed = Annotated[
    int | None, Between(0, LARGEST_SEED), "the same seed draws the same; a random one if left out"
]


@dataclass(frozen=True)
class Field:
    """One field of a request or an answer."""

    shape: Shape
    required: bool
    default: Any
    description: str
    hint: Any

    @property
    def schema(self) -> dict[str, Any]:
        told = {"description": self.description} if self.description else {}
        default = {} if self.required or self.default is None else {"default": self.default}
        return {**self.shape.schema, **told, **default}


@functools.cache
def fields_of(kind: Any) -> Mapping[str, Field]:
    """The fields of a dataclass or of a TypedDict, in their order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    if typing.is_typeddict(kind):
        # Annotations that are strings hide NotRequired from the TypedDict itself.
        free = {n for n, hint in hints.items() if typing.get_origin(hint) is NotRequired}
        required = kind.__required_keys__ - free
        return {n: _field(hint, n in required, None) for n, hint in hints.items()}
    found = {}
    for each in dataclasses.fields(kind):
        needed = each.default is each.default_factory is dataclasses.MISSING
        default = each.default if each.default_factory is dataclasses.MISSING else []
        found[each.name] = _field(hints[each.name], needed, None if needed else default)
    return found


def read(kind: type[T], values: Mapping[str, Any]) -> T:
    """The request that a mapping spells. Raises Malformed, InvalidInput with the field's path."""
    return typing.cast("T", _object(typing.cast("Any", kind)).take(values, ""))


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a request or an answer."""
    return dict(_object(kind).schema)


def shape_of(hint: Any) -> Shape:
    """The shape of a type."""
    return _shape(hint, ())


def _field(hint: Any, required: bool, default: Any) -> Field:
    if typing.get_origin(hint) in (NotRequired, Required):
        [hint] = typing.get_args(hint)
    notes = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
    description = next((note for note in notes if isinstance(note, str)), "")
    return Field(shape_of(hint), required, default, description, hint)


def _shape(hint: Any, notes: tuple[Any, ...]) -> Shape:
    if typing.get_origin(hint) is Annotated:
        base, *own = typing.get_args(hint)
        return _shape(base, (*own, *notes))
    if media := _note(notes, Media):
        return shapes.file(media)
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        parts = [_shape(each, notes) for each in typing.get_args(hint)]
        return shapes.union(parts, _note(notes, Called))
    if origin is Literal:
        return shapes.choice(typing.get_args(hint))
    if origin is list:
        return shapes.sequence(
            shape_of(typing.get_args(hint)[0]), _note(notes, Many), _note(notes, Size)
        )
    if origin is dict:
        return shapes.mapping(shape_of(typing.get_args(hint)[1]))
    if hint is bool:
        return shapes.plain("true or false", lambda v: isinstance(v, bool), {"type": "boolean"})
    if hint is int or hint is float:
        return shapes.number(hint is int, _note(notes, Between))
    if hint is str:
        return shapes.text(_note(notes, Size))
    if hint is type(None):
        return shapes.plain("null", lambda v: v is None, {"type": "null"})
    if hint is Any:
        return shapes.plain("any value", lambda v: True, {})
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
        return _object(hint)
    raise TypeError(f"{hint} is nothing that a request or an answer may hold")


def _note(notes: Sequence[Any], kind: type[T]) -> T | None:
    return next((note for note in notes if isinstance(note, kind)), None)


@functools.cache
def _object(kind: Any) -> Shape:
    fields = fields_of(kind)
    make: Callable[..., Any] = dict if typing.is_typeddict(kind) else kind
    schema = {
        "type": "object",
        "properties": {name: field.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }

    def take(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise Malformed(f"{path or 'the request'} is {shown(value)}; send an object")
        if not value.keys() <= fields.keys():
            unknown, known = sorted(map(str, value.keys() - fields.keys())), ", ".join(fields)
            listed = ", ".join(map(spelled, unknown[:FEW]))
            raise Malformed(f"unknown field {listed}; known are {known}")
        if missing := [n for n, field in fields.items() if field.required and n not in value]:
            place = f" of {path}" if path else ""
            raise Malformed(
                f"{missing[0]}{place} is missing; send {fields[missing[0]].shape.words}"
            )
        before = f"{path}." if path else ""
        return make(**{n: fields[n].shape.take(v, f"{before}{n}") for n, v in value.items()})

    words = f"an object of {', '.join(fields)}"
    return Shape(words, lambda value: isinstance(value, Mapping), take, schema)
