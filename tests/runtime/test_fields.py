"""The fields of a task request: both ends of every range, and what each refuses."""

from __future__ import annotations

from typing import Any

import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.fields import LARGEST_SEED, Fields

OPTIONS = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("method", "arguments", "values"),
    [
        ("number", (5, -2, 7), [-2, 7, 0.5]),
        ("integer", (5, -2, 7), [-2, 7]),
        ("seed", (5,), [0, 2**53 - 1]),
        ("items", (3,), [[], [1, 2, 3]]),
        ("one_or_many", (3,), [["a"], ["a", "b", "c"]]),
        ("integers", (3, -2, 7), [[-2, 0, 7]]),
        ("numbers", (3, -2, 7), [[-2, 0.5, 7]]),
    ],
)
def test_both_ends_of_a_range_are_within_it(
    method: str, arguments: tuple[Any, ...], values: list[Any]
) -> None:
    for value in values:
        fields = Fields({"seed": value})
        name = () if method == "seed" else ("seed",)
        assert getattr(fields, method)(*name, *arguments) == value
        fields.finish()


@pytest.mark.parametrize(
    ("method", "arguments", "value", "line"),
    [
        ("number", (5, -2, 7), 7.5, "x is 7.5; send -2 to 7"),
        ("number", (5, -2, 7), -3, "x is -3; send -2 to 7"),
        ("number", (5, -2, 7), float("nan"), "x is nan; send -2 to 7"),
        ("integer", (5, -2, 7), 8, "x is 8; send -2 to 7"),
        ("integer", (5, -2, 7), -3, "x is -3; send -2 to 7"),
        ("items", (3,), [1] * 5, "x holds 5 values; send at most 3"),
        ("one_or_many", (3,), [], "x holds 0 values; send 1 to 3"),
        ("one_or_many", (3,), [1] * 5, "x holds 5 values; send 1 to 3"),
        ("integers", (3, -2, 7), [1, 2], "x holds 2 values; send one, or 3"),
        ("integers", (3, -2, 7), [1] * 5, "x holds 5 values; send one, or 3"),
        ("integers", (3, -2, 7), [1, 2, 8], "x is 8; send -2 to 7"),
        ("numbers", (3, -2, 7), -2.5, "x is -2.5; send -2 to 7"),
        ("choice", (OPTIONS, None), -1, "x is -1; send one of red, green, blue"),
        ("choice", (OPTIONS, None), 3, "x is 3; send one of red, green, blue"),
        ("choice", (OPTIONS, None), "pink", "x is 'pink'; send one of red, green, blue"),
    ],
)
def test_what_lies_beyond_is_refused_with_the_range(
    method: str, arguments: tuple[Any, ...], value: Any, line: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        getattr(Fields({"x": value}), method)("x", *arguments)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("method", "arguments", "value", "line"),
    [
        ("number", (5, -2, 7), True, "x is a number, not True"),
        ("integer", (5, -2, 7), True, "x is a whole number, not True"),
        ("integer", (5, -2, 7), 3.0, "x is a whole number, not 3.0"),
        ("integers", (3, -2, 7), [1, True, 2], "x holds whole numbers, not True"),
        ("integers", (3, -2, 7), [1, 2.0, 2], "x holds whole numbers, not 2.0"),
        ("numbers", (3, -2, 7), [1, True, 2], "x holds numbers, not True"),
        ("flag", (False,), 1, "x is true or false, not 1"),
        ("items", (3,), "abc", "x is a list, not str"),
        ("choice", (OPTIONS, None), True, "x is True; send one of red, green, blue"),
        ("choice", (OPTIONS, None), None, "x is missing; send one of red, green, blue"),
    ],
)
def test_a_value_of_another_type_is_malformed(
    method: str, arguments: tuple[Any, ...], value: Any, line: str
) -> None:
    with pytest.raises(Malformed) as caught:
        getattr(Fields({"x": value}), method)("x", *arguments)
    assert str(caught.value) == line


def test_a_seed_is_one_that_every_reader_of_json_keeps_whole() -> None:
    assert float(LARGEST_SEED) == LARGEST_SEED and float(LARGEST_SEED + 2) != LARGEST_SEED + 2
    with pytest.raises(InvalidInput, match="seed is 9007199254740992"):
        Fields({"seed": LARGEST_SEED + 1}).seed(5)
    with pytest.raises(InvalidInput, match="seed is -1"):
        Fields({"seed": -1}).seed(5)
    assert Fields({}).seed(5) == 5


def test_one_value_stands_for_all_and_an_option_goes_by_name_or_number() -> None:
    fields = Fields({"heat": 3, "colour": "green", "shade": 2})
    assert fields.numbers("heat", 3, 0, 5) == [3, 3, 3]
    assert fields.integers("cold", 3, 0, 5) is None
    assert fields.choice("colour", OPTIONS, None) == 1
    assert fields.choice("shade", OPTIONS, None) == 2
    assert Fields({"x": "ＧＲＥＥＮ "}).choice("x", OPTIONS, None) == 1
    assert Fields({"x": "re\u0301el"}).choice("x", ("faux", "réel"), None) == 1
    assert Fields({"x": "A"}).choice("x", ("a", "A"), None) == 1
    assert fields.choice("tone", OPTIONS, 0) == 0


def test_a_field_that_nobody_took_is_named_with_those_that_are_known() -> None:
    fields = Fields({"text": "a", "tex": "b", "an": "c"})
    fields.string("text", "")
    fields.flag("long", False)
    with pytest.raises(Malformed, match="unknown field an, tex; known are text, long"):
        fields.finish()
