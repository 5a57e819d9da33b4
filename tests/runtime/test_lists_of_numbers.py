"""Lists of numbers: long ones are read at once, one and several told apart by their depth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.schema import Between, Called, Many, Rows, Size, read
from repertoire.runtime.shapes import LONG

Signal = Annotated[list[float], Size(1, 211)]
Holed = list[float | None]
Series = Annotated[Holed | list[Holed], Called("a list of numbers")]


@dataclass(frozen=True)
class Hear:
    signals: Annotated[list[Signal], Many(3)]


@dataclass(frozen=True)
class Count:
    notes: list[Annotated[int, Between(-5, 7)]]


@dataclass(frozen=True)
class Look:
    series: Annotated[list[Series], Many(5)]


@dataclass(frozen=True)
class Say:
    texts: Annotated[list[str], Many(211)]
    short: Annotated[list[Annotated[str, Size(2, 3)]], Size(0, 211)] = field(default_factory=list)


@pytest.mark.parametrize("size", [LONG - 1, LONG, LONG + 37])
def test_long_lists_of_texts_are_checked_like_short_ones(size: int) -> None:
    texts = [f"t{n}" for n in range(size)]
    assert read(Say, {"texts": texts}).texts == texts
    with pytest.raises(Malformed, match=rf"texts\[{size}\] is 3; send a text"):
        read(Say, {"texts": [*texts, 3]})
    with pytest.raises(InvalidInput, match=rf"short\[{size}\] has 1 characters"):
        read(Say, {"texts": texts, "short": ["ab"] * size + ["x"]})


@pytest.mark.parametrize("size", [LONG - 1, LONG, LONG + 37])
@pytest.mark.parametrize(
    ("odd", "error", "words"),
    [
        (math.nan, InvalidInput, "is NaN; send a finite number"),
        (-math.inf, InvalidInput, "is -Infinity; send a finite number"),
        (10**400, InvalidInput, "is 10{39}…; send a finite number"),
        (True, Malformed, "is true; send a number"),
        ("1", Malformed, 'is "1"; send a number'),
        (None, Malformed, "is null; send a number"),
        ([1], Malformed, r"is \[1\]; send a number"),
    ],
)
def test_what_is_no_number_is_named_by_its_place_however_long_the_list_is(
    size: int, odd: Any, error: type[Exception], words: str
) -> None:
    values: list[Any] = [0.5] * size
    values[41] = odd
    with pytest.raises(error, match=rf"signals\[41\] {words}"):
        read(Hear, {"signals": values})


@pytest.mark.parametrize("size", [11, 131])
def test_numbers_of_any_size_are_read_as_they_are(size: int) -> None:
    values = [1, -2.5, 5e-324, 1.7e308, 10**300, np.float32(0.25)] + [3] * size
    [found] = read(Hear, {"signals": values}).signals
    assert found == [float(each) for each in values]
    assert {type(each) for each in found} == {float}


@pytest.mark.parametrize("size", [3, 97])
def test_bounds_hold_for_each_of_a_list(size: int) -> None:
    assert read(Count, {"notes": [-5, 7.0] * size}).notes == [-5, 7] * size
    with pytest.raises(InvalidInput, match=r"notes\[2\] is 8; send a whole number from -5 to 7"):
        read(Count, {"notes": [0, 0, 8] * size})
    with pytest.raises(Malformed, match=r"notes\[0\] is 0.5; send a whole number"):
        read(Count, {"notes": [0.5] * size})


def test_one_list_and_several_are_told_apart_by_their_depth() -> None:
    assert read(Hear, {"signals": [1, 2]}).signals == [[1, 2]]
    assert read(Hear, {"signals": [[1, 2], [3]]}).signals == [[1, 2], [3]]
    with pytest.raises(InvalidInput, match=r"signals\[1\] holds 0 values; send 1 to 211"):
        read(Hear, {"signals": [[1], []]})
    with pytest.raises(Malformed, match=r"signals\[1\] is 2; send a list"):
        read(Hear, {"signals": [[1], 2]})


def test_an_empty_list_before_others_is_one_of_them() -> None:
    found = read(Look, {"series": [[], [[1, 2]]]}).series
    assert found == [[], [[1, 2]]]


def test_rows_are_many_even_where_one_of_them_is_what_a_list_of_them_would_be() -> None:
    found = read(Look, {"series": Rows([[[1, None], [2, 3]]])}).series
    assert isinstance(found, Rows) and found == [[[1, None], [2, 3]]]
    with pytest.raises(Malformed, match=r"series\[0\] is 1; send a list of numbers"):
        read(Look, {"series": Rows([1, 2, 3])})


def test_a_message_calls_what_may_be_of_several_types_by_one_name() -> None:
    with pytest.raises(Malformed, match="is 3; send a list of numbers, or a list of 1 to 5, each"):
        read(Look, {"series": 3})
