"""Reads the fields of a task request one by one, and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.spelling import Names

_ABSENT = object()
LARGEST_SEED = 2**53 - 1  # the largest that every reader of JSON keeps whole


class Fields:
    """Each method takes one field; `finish` refuses the fields that nobody took.

    All raise Malformed for a value of another type and InvalidInput for one out of range.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._left = dict(request)
        self._known: list[str] = []

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"{name} is a number, not {value!r}")
        if not low <= value <= high:
            raise InvalidInput(f"{name} is {value}; send {low} to {high}")
        return float(value)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Malformed(f"{name} is a whole number, not {value!r}")
        return int(self._within(name, value, low, high))

    def seed(self, default: int) -> int:
        value = self._take("seed", None)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise Malformed(f"seed is a whole number, not {value!r}")
        return self._within("seed", value, 0, LARGEST_SEED)

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise Malformed(f"{name} is true or false, not {value!r}")
        return value

    def string(self, name: str, default: str) -> str:
        value = self._take(name, default)
        if not isinstance(value, str):
            raise Malformed(f"{name} is a string, not {type(value).__name__}")
        return value

    def one_or_many(self, name: str, most: int) -> list[Any]:
        """A value alone counts as a list of one; at most `most`, at least one."""
        value = self._take(name, _ABSENT)
        if value is _ABSENT:
            raise Malformed(f"{name} is missing")
        many = value if isinstance(value, list) else [value]
        if not 1 <= len(many) <= most:
            raise InvalidInput(f"{name} holds {len(many)} values; send 1 to {most}")
        return many

    def choice(self, name: str, options: Sequence[str], default: int | None) -> int:
        """The number of an option that is given by its number, or its name in any form."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | str):
            given = "missing" if value is None else f"{value!r}"
            raise Malformed(f"{name} is {given}; send one of {', '.join(options)}")
        if isinstance(value, int) and 0 <= value < len(options):
            return value
        if isinstance(value, str) and (number := Names.of(options).find(value)) is not None:
            return number
        raise InvalidInput(f"{name} is {value!r}; send one of {', '.join(options)}")

    def items(self, name: str, most: int) -> list[Any]:
        """A list of at most `most`, empty if the field is absent."""
        value = self._take(name, [])
        if not isinstance(value, list):
            raise Malformed(f"{name} is a list, not {type(value).__name__}")
        if len(value) > most:
            raise InvalidInput(f"{name} holds {len(value)} values; send at most {most}")
        return value

    def integers(self, name: str, count: int, low: int, high: int) -> list[int] | None:
        """`count` whole numbers, of which one alone stands for all; None if absent."""
        return self._several(name, count, low, high, int)

    def numbers(self, name: str, count: int, low: float, high: float) -> list[float] | None:
        """`count` numbers, of which one alone stands for all; None if absent."""
        return self._several(name, count, low, high, (int, float))

    def finish(self) -> None:
        if self._left:
            unknown = ", ".join(sorted(self._left))
            raise Malformed(f"unknown field {unknown}; known are {', '.join(self._known)}")

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._left.pop(name, default)

    def _several(self, name: str, count: int, low: Any, high: Any, kind: Any) -> Any:
        value = self._take(name, None)
        if value is None:
            return None
        many = value if isinstance(value, list) else [value] * count
        if len(many) != count:
            raise InvalidInput(f"{name} holds {len(many)} values; send one, or {count}")
        for each in many:
            if isinstance(each, bool) or not isinstance(each, kind):
                what = "whole numbers" if kind is int else "numbers"
                raise Malformed(f"{name} holds {what}, not {each!r}")
            self._within(name, each, low, high)
        return many

    @staticmethod
    def _within(name: str, value: int, low: int, high: int) -> int:
        if not low <= value <= high:
            raise InvalidInput(f"{name} is {value}; send {low} to {high}")
        return value
