"""What requests and answers hold, declared by types: read, checked, described as JSON Schema.

A request is a frozen dataclass, an answer a TypedDict. Their fields are of plain types and of
``Annotated`` ones, whose notes are a text (the description), ``Between``, ``Many``, ``Size``,
``Media`` and ``Called``.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Required, TypeVar, Union

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed

T = TypeVar("T")
LARGEST_SEED = 2**53 - 1  # the largest that every reader of JSON keeps whole
SHOWN = 40  # characters of a value in a message
LONG = 64  # values of a list, from which on it pays to look at all of them at once


@dataclass(frozen=True)
class Between:
    """A number from `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Many:
    """A list of 1 to `most`, in whose place one value alone may stand."""

    most: int


@dataclass(frozen=True)
class Size:
    """A list, or a text, of `least` to `most`."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least} to {self.most}" if self.least < self.most else f"{self.most}"


@dataclass(frozen=True)
class Media:
    """A file of the type `name`, such as image/png: in JSON base64; images also as lists of levels.

    In Python it may be bytes, an array of an image, or what tasks know to read besides.
    """

    name: str


@dataclass(frozen=True)
class Called:
    """What messages call a value of one of several types."""

    words: str


class Rows(list[Any]):
    """Rows of a batch: many even where one of them may itself be a list."""


Seed = Annotated[
    int | None, Between(0, LARGEST_SEED), "the same seed draws the same; a random one if left out"
]


@dataclass(frozen=True)
class Shape:
    """A type as it is read: `words` complete "send …"; `fits` looks at types alone, not at bounds.

    `take(value, path)` gives the value as the request holds it; raises Malformed, InvalidInput.
    `take_all(values)` does so for a long list; None where its values must be taken one by one.
    """

    words: str
    fits: Callable[[Any], bool]
    take: Callable[[Any, str], Any]
    schema: Mapping[str, Any]
    take_all: Callable[[Sequence[Any]], list[Any] | None] = lambda values: None


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


def shown(value: Any) -> str:
    """A value in a message: as JSON spells it, cut off if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = f"of type {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


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
        return _file(media)
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        shapes = [_shape(each, notes) for each in typing.get_args(hint)]
        return _union(shapes, _note(notes, Called))
    if origin is Literal:
        return _choice(typing.get_args(hint))
    if origin is list:
        return _list(shape_of(typing.get_args(hint)[0]), _note(notes, Many), _note(notes, Size))
    if origin is dict:
        return _mapping(shape_of(typing.get_args(hint)[1]))
    if hint is bool:
        return _plain("true or false", lambda v: isinstance(v, bool), {"type": "boolean"})
    if hint is int or hint is float:
        return _number(hint is int, _note(notes, Between))
    if hint is str:
        return _text(_note(notes, Size))
    if hint is type(None):
        return _plain("null", lambda v: v is None, {"type": "null"})
    if hint is Any:
        return _plain("any value", lambda v: True, {})
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
        return _object(hint)
    raise TypeError(f"{hint} is nothing that a request or an answer may hold")


def _note(notes: Sequence[Any], kind: type[T]) -> T | None:
    return next((note for note in notes if isinstance(note, kind)), None)


def _plain(words: str, fits: Callable[[Any], bool], schema: Mapping[str, Any]) -> Shape:
    def take(value: Any, path: str) -> Any:
        if not fits(value):
            raise Malformed(f"{path} is {shown(value)}; send {words}")
        return value

    return Shape(words, fits, take, schema)


def _number(whole: bool, bounds: Between | None) -> Shape:
    words = "a whole number" if whole else "a number"
    schema: dict[str, Any] = {"type": "integer" if whole else "number"}
    if bounds:
        words = f"{words} from {bounds.low:g} to {bounds.high:g}"
        schema |= {"minimum": bounds.low, "maximum": bounds.high}
        if whole and bounds.high > 10**6:
            words = f"a whole number from {bounds.low} to {bounds.high}"

    def fits(value: Any) -> bool:
        if isinstance(value, bool | np.bool_):
            return False
        if isinstance(value, int | np.integer):
            return True
        is_float = isinstance(value, float | np.floating)
        return is_float and (not whole or float(value).is_integer())

    def take(value: Any, path: str) -> Any:
        if not fits(value):
            raise Malformed(f"{path} is {shown(value)}; send {words}")
        if bounds and not bounds.low <= value <= bounds.high:
            raise InvalidInput(f"{path} is {shown(value)}; send {words}")
        if whole:
            return int(value)
        try:
            number = float(value)
        except OverflowError:  # a whole number of hundreds of digits
            number = math.inf
        if not math.isfinite(number):
            raise InvalidInput(f"{path} is {shown(value)}; send a finite number")
        return number

    return Shape(words, fits, take, schema, functools.partial(_numbers, whole, bounds))


def _numbers(whole: bool, bounds: Between | None, values: Sequence[Any]) -> list[Any] | None:
    """All values as numbers within bounds, or None if one is none."""
    if not set(map(type, values)) <= ({int} if whole else {int, float}):
        return None
    try:
        array = np.array(values, np.int64 if whole else np.float64)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    low, high = (bounds.low, bounds.high) if bounds else (-math.inf, math.inf)
    inside = np.isfinite(array) & (low <= array) & (array <= high)
    taken: list[Any] = array.tolist()
    return taken if inside.all() else None


def _text(size: Size | None) -> Shape:
    schema: dict[str, Any] = {"type": "string"}
    words = "a text"
    if size:
        words = f"a text of {size} characters"
        schema |= {"minLength": size.least, "maxLength": size.most}

    def take(value: Any, path: str) -> Any:
        if not isinstance(value, str):
            raise Malformed(f"{path} is {shown(value)}; send {words}")
        if size and not size.least <= len(value) <= size.most:
            raise InvalidInput(f"{path} has {len(value)} characters; send {words}")
        return value

    return Shape(words, lambda value: isinstance(value, str), take, schema)


def _file(media: Media) -> Shape:
    is_image = media.name.startswith("image/")
    text = {"type": "string", "contentEncoding": "base64", "contentMediaType": media.name}
    levels = {"type": "array", "items": {"type": "array"}}
    words = "an image file in base64, or lists of levels" if is_image else "a file in base64"

    def fits(value: Any) -> bool:
        if isinstance(value, list):
            return is_image and bool(value) and isinstance(value[0], list)
        return value is not None and not isinstance(value, bool | int | float | dict)

    schema = {"anyOf": [text, levels]} if media.name == "image/*" else text
    return _plain(words, fits, schema)


def _choice(options: Sequence[Any]) -> Shape:
    words = f"one of {', '.join(map(str, options))}"
    return _plain(words, lambda value: value in options, {"enum": list(options)})


def _list(item: Shape, many: Many | None, size: Size | None) -> Shape:
    size = Size(1, many.most) if many else size
    words = f"a list of {size}" if size else "a list"
    words = f"{words}, each {item.words}"
    bounds = {"minItems": size.least, "maxItems": size.most} if size else {}
    schema: dict[str, Any] = {"type": "array", "items": item.schema, **bounds}

    def is_list(value: Any) -> bool:
        if not isinstance(value, list | tuple):
            return False
        # An empty list says nothing of what it is a list of.
        telling = (each for each in value if not (isinstance(each, list | tuple) and not each))
        return item.fits(next(telling, [] if value else None)) or not value

    def take(value: Any, path: str) -> Any:
        if many and not isinstance(value, Rows) and item.fits(value) and not is_list(value):
            return [item.take(value, path)]
        if not isinstance(value, list | tuple):
            one = f"{item.words}, or " if many else ""
            raise Malformed(f"{path} is {shown(value)}; send {one}{words}")
        if size and not size.least <= len(value) <= size.most:
            raise InvalidInput(f"{path} holds {len(value)} values; send {size}")
        taken = item.take_all(value) if len(value) >= LONG else None
        if taken is None:
            taken = [item.take(each, f"{path}[{n}]") for n, each in enumerate(value)]
        return Rows(taken) if isinstance(value, Rows) else taken

    def fits(value: Any) -> bool:
        return is_list(value) or bool(many and item.fits(value))

    return Shape(words, fits, take, {"anyOf": [item.schema, schema]} if many else schema)


def _mapping(item: Shape) -> Shape:
    schema = {"type": "object", "additionalProperties": item.schema}

    def take(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise Malformed(f"{path} is {shown(value)}; send an object")
        return {str(name): item.take(each, f"{path}.{name}") for name, each in value.items()}

    return Shape("an object", lambda value: isinstance(value, Mapping), take, schema)


def _union(shapes: Sequence[Shape], called: Called | None) -> Shape:
    spoken = [shape for shape in shapes if shape.words != "null"]
    words = called.words if called else " or ".join(shape.words for shape in spoken)

    def take(value: Any, path: str) -> Any:
        for shape in shapes:
            if shape.fits(value):
                return shape.take(value, path)
        raise Malformed(f"{path} is {shown(value)}; send {words}")

    def fits(value: Any) -> bool:
        return any(shape.fits(value) for shape in shapes)

    def take_all(values: Sequence[Any]) -> list[Any] | None:
        found = (shape.take_all(values) for shape in shapes)
        return next((taken for taken in found if taken is not None), None)

    schema = {"anyOf": [dict(shape.schema) for shape in shapes]}
    return Shape(words, fits, take, schema, take_all)


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
        if unknown := sorted(map(str, value.keys() - fields.keys())):
            known = ", ".join(fields)
            raise Malformed(f"unknown field {', '.join(unknown)}; known are {known}")
        if missing := [n for n, field in fields.items() if field.required and n not in value]:
            place = f" of {path}" if path else ""
            raise Malformed(
                f"{missing[0]}{place} is missing; send {fields[missing[0]].shape.words}"
            )
        before = f"{path}." if path else ""
        return make(**{n: fields[n].shape.take(v, f"{before}{n}") for n, v in value.items()})

    words = f"an object of {', '.join(fields)}"
    return Shape(words, lambda value: isinstance(value, Mapping), take, schema)
