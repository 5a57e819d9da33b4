"""How a value of a request is read and described, by kind: numbers, texts, files, lists, unions.

``schema`` makes one of these of each type. The notes of ``Annotated`` types stand here, too.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repertoire.runtime.errors import InvalidInput, Malformed

SHOWN = 40  # characters of a value in a message
LISTED = 12  # names in a message
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


def shown(value: Any) -> str:
    """A value in a message: as JSON spells it, on one line, cut off if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"of type {type(value).__name__}"
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    # Half a surrogate cannot be sent, and marks of direction turn the message around.
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in cut)


def spelled(name: str) -> str:
    """A name in a message: bare if it is plain, else as JSON spells it."""
    return name if name.isprintable() and 0 < len(name) <= SHOWN else shown(name)


def quoted(name: str) -> str:
    """A name in a message, in quotes."""
    return f"'{name}'" if spelled(name) == name else shown(name)


def named(names: Sequence[str]) -> str:
    """A list of names in a message, cut off if it is long."""
    first, more = names[:LISTED], len(names) - LISTED
    return ", ".join([*first, f"and {more} others"] if more > 0 else first) or "none"


def plain(words: str, fits: Callable[[Any], bool], schema: Mapping[str, Any]) -> Shape:
    def take(value: Any, path: str) -> Any:
        if not fits(value):
            raise Malformed(f"{path} is {shown(value)}; send {words}")
        return value

    return Shape(words, fits, take, schema)


def number(whole: bool, bounds: Between | None) -> Shape:
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


def text(size: Size | None) -> Shape:
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

    def take_all(values: Sequence[Any]) -> list[Any] | None:
        plain = size is None and set(map(type, values)) == {str}
        return list(values) if plain else None

    return Shape(words, lambda value: isinstance(value, str), take, schema, take_all)


def file(media: Media) -> Shape:
    is_image = media.name.startswith("image/")
    text = {"type": "string", "minLength": 1}
    text |= {"contentEncoding": "base64", "contentMediaType": media.name}
    levels = {"type": "array", "items": {"type": "array"}}
    words = "an image file in base64, or lists of levels" if is_image else "a file in base64"

    def fits(value: Any) -> bool:
        if isinstance(value, list):
            return is_image and bool(value) and isinstance(value[0], list)
        return value is not None and not isinstance(value, bool | int | float | dict)

    schema = {"anyOf": [text, levels]} if media.name == "image/*" else text
    return plain(words, fits, schema)


def choice(options: Sequence[Any]) -> Shape:
    words = f"one of {', '.join(map(str, options))}"
    return plain(words, lambda value: value in options, {"enum": list(options)})


def sequence(item: Shape, many: Many | None, size: Size | None) -> Shape:
    size = Size(1, many.most) if many else size
    words = f"a list of {size}" if size else "a list"
    words = f"{words}, each {item.words}"
    bounds = {"minItems": size.least, "maxItems": size.most} if size else {}
    schema: dict[str, Any] = {"type": "array", "items": item.schema, **bounds}

    def is_list(value: Any) -> bool:
        if not isinstance(value, (list, tuple)):
            return False
        # An empty list says nothing of what it is a list of.
        telling = (each for each in value if not (isinstance(each, list | tuple) and not each))
        return item.fits(next(telling, [] if value else None)) or not value

    def take(value: Any, path: str) -> Any:
        if many and not isinstance(value, Rows) and item.fits(value) and not is_list(value):
            return [item.take(value, path)]
        if not isinstance(value, (list, tuple)):
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


def mapping(item: Shape) -> Shape:
    schema = {"type": "object", "additionalProperties": item.schema}

    def take(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise Malformed(f"{path} is {shown(value)}; send an object")
        return {
            str(name): item.take(each, f"{path}.{spelled(name)}") for name, each in value.items()
        }

    return Shape("an object", lambda value: isinstance(value, Mapping), take, schema)


def union(shapes: Sequence[Shape], called: Called | None) -> Shape:
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
