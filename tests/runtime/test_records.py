"""Rows of somebody's table, whose columns are found in any form of their names."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from repertoire.runtime.errors import InvalidInput
from repertoire.runtime.records import read


def number(name: str) -> dict[str, Any]:
    about = {"median": 0.0, "center": 0.0, "scale": 1.0, "indicator": False}
    return {"name": name, "kind": "number", **about}


ENCODING = {
    "decimal": ".",
    "limit": 100.0,
    "columns": [number("Größe"), number("온도"), number("x"), number("X")],
}


def test_columns_are_found_in_any_form_of_their_names() -> None:
    plain = {"Größe": 3, "온도": 5, "x": 7, "X": 11}
    for form in ("NFC", "NFD", "NFKD"):
        row = {unicodedata.normalize(form, name): cell for name, cell in plain.items()}
        assert read([row], ENCODING)[1].tolist() == [[3, 5, 7, 11]]
    assert read([{"GRÖSSE": 3, " 온도": 5}], ENCODING)[1].tolist() == [[3, 5, 0, 0]]


def test_of_two_names_that_are_alike_the_one_that_is_spelled_so_counts() -> None:
    for row in ({"Größe": 3, "größe": 5}, {"größe": 5, "Größe": 3}):
        assert read([row], ENCODING)[1].tolist() == [[3, 0, 0, 0]]


def test_a_row_without_a_known_column_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="none of the model's columns: Größe, 온도, x, X"):
        read([{"Grosse": 3}], ENCODING)
