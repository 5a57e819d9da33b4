"""Requests and answers declared by types: what is taken, what is refused and in which words."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import numpy as np
import pytest

from repertoire.runtime.errors import InvalidInput, Malformed
from repertoire.runtime.schema import (
    LARGEST_SEED,
    Between,
    Many,
    Media,
    Seed,
    Size,
    fields_of,
    json_schema,
    read,
)
from repertoire.runtime.shapes import named, quoted, shown, spelled


class Candidate(TypedDict):
    text: str
    score: NotRequired[Annotated[float, Between(-7, 0)]]


@dataclass(frozen=True)
class Ask:
    text: Annotated[list[str], Many(3), "what is asked"]
    beam: Annotated[int, Between(1, 16)] = 2
    share: Annotated[float, Between(0, 1)] = 0.5
    loud: bool = False
    way: Literal["there", "back"] = "there"
    seed: Seed = None
    notes: Annotated[list[int], Size(0, 5)] = field(default_factory=list)
    rivals: list[str | Candidate] = field(default_factory=list)
    name: Annotated[str, Size(1, 11)] = "x"
    weights: dict[str, float] = field(default_factory=dict)


GOOD = [
    {"text": "a"},
    {"text": ["a", "b", "c"], "beam": 16, "share": 1, "loud": True, "way": "back"},
    {"text": "", "beam": 3.0, "seed": None, "notes": [], "rivals": ["a", {"text": "b"}]},
    {"text": ["a"], "seed": LARGEST_SEED, "rivals": [{"text": "b", "score": -7}], "name": "12345"},
    {"text": "a", "notes": [1, 2, 3, 4, 5], "weights": {"a": 1, "b": -0.5}},
]
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, Malformed, "text is missing; send a list of 1 to 3, each a text"),
    ({"text": "a", "beem": 1}, Malformed, "unknown field beem; known are text, beam, share"),
    ({"text": None}, Malformed, "text is null; send a text, or a list of 1 to 3, each a text"),
    ({"text": ["a", 3]}, Malformed, r"text\[1\] is 3; send a text"),
    ({"text": []}, InvalidInput, "text holds 0 values; send 1 to 3"),
    ({"text": list("abcd")}, InvalidInput, "text holds 4 values; send 1 to 3"),
    ({"text": "a", "beam": None}, Malformed, "beam is null; send a whole number from 1 to 16"),
    ({"text": "a", "beam": True}, Malformed, "beam is true; send a whole number from 1 to 16"),
    ({"text": "a", "beam": 1.5}, Malformed, "beam is 1.5; send a whole number from 1 to 16"),
    ({"text": "a", "beam": 17}, InvalidInput, "beam is 17; send a whole number from 1 to 16"),
    ({"text": "a", "beam": 10**400}, InvalidInput, "beam is 10{39}…; send"),
    ({"text": "a", "share": math.nan}, InvalidInput, "share is NaN; send a number from 0 to 1"),
    ({"text": "a", "share": "1"}, Malformed, 'share is "1"; send a number from 0 to 1'),
    ({"text": "a", "loud": 1}, Malformed, "loud is 1; send true or false"),
    ({"text": "a", "way": "up"}, Malformed, 'way is "up"; send one of there, back'),
    ({"text": "a", "seed": -1}, InvalidInput, "seed is -1; send a whole number from 0 to 90071992"),
    ({"text": "a", "notes": [1] * 7}, InvalidInput, "notes holds 7 values; send 0 to 5"),
    ({"text": "a", "notes": {"a": 1}}, Malformed, r'notes is {"a": 1}; send a list of 0 to 5'),
    ({"text": "a", "rivals": [{}]}, Malformed, r"text of rivals\[0\] is missing; send a text"),
    ({"text": "a", "rivals": [{"text": "b", "score": 1}]}, InvalidInput, r"rivals\[0\].score is 1"),
    ({"text": "a", "name": ""}, InvalidInput, "name has 0 characters; send a text of 1 to 11"),
    ({"text": "a", "weights": {"b": None}}, Malformed, "weights.b is null; send a number"),
    ({"text": "a", "weights": {"b": 10**400}}, InvalidInput, "weights.b is 1.*; send a finite"),
]


@pytest.mark.parametrize("given", GOOD)
def test_what_fits_its_schema_is_read(given: dict[str, Any]) -> None:
    assert jsonschema_rs.validator_for(json_schema(Ask)).is_valid(given)
    asked = read(Ask, given)
    assert asked.text == ([given["text"]] if isinstance(given["text"], str) else given["text"])
    assert asked.beam == given.get("beam", 2) and isinstance(asked.beam, int)
    assert isinstance(asked.share, float)


@pytest.mark.parametrize(("given", "error", "words"), BAD)
def test_what_does_not_fit_is_refused_with_its_place_and_the_remedy(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read(Ask, given)
    if "nan" not in repr(given):  # JSON has no such number
        spelled = json.loads(json.dumps(given))
        huge = given.get("weights") == {"b": 10**400}
        assert huge or not jsonschema_rs.validator_for(json_schema(Ask)).is_valid(spelled)


def test_the_schema_says_what_a_field_is_for_and_what_it_is_if_left_out() -> None:
    properties = json_schema(Ask)["properties"]
    assert properties["text"]["description"] == "what is asked"
    assert properties["beam"] == {"type": "integer", "minimum": 1, "maximum": 16, "default": 2}
    assert "default" not in properties["seed"]
    assert json_schema(Ask)["required"] == ["text"]


def test_numbers_of_numpy_are_numbers() -> None:
    asked = read(Ask, {"text": "a", "beam": np.int64(5), "share": np.float32(0.25)})
    assert (asked.beam, asked.share) == (5, 0.25)
    assert type(asked.beam) is int and type(asked.share) is float


@dataclass(frozen=True)
class Look:
    image: Annotated[Any, Media("image/*")]


@pytest.mark.parametrize("image", ["aGk=", b"hi", [[0, 1], [2, 3]], np.zeros((3, 5), np.uint8)])
def test_an_image_is_taken_as_it_comes(image: Any) -> None:
    assert read(Look, {"image": image}).image is image


@pytest.mark.parametrize("image", [None, 3, True, {"a": 1}, [1, 2], []])
def test_what_cannot_be_an_image_is_refused(image: Any) -> None:
    with pytest.raises(Malformed, match=r"image is .*; send an image file in base64, or lists of"):
        read(Look, {"image": image})


def test_a_type_that_no_request_may_hold_is_a_fault_of_the_declaration() -> None:
    @dataclass(frozen=True)
    class Odd:
        a: set[int]

    with pytest.raises(TypeError, match="nothing that a request or an answer may hold"):
        fields_of(Odd)


def test_a_value_in_a_message_is_short_and_spelled_as_json() -> None:
    assert shown(None) == "null" and shown("ü") == '"ü"'
    assert len(shown("x" * 1000)) == 41
    assert shown(object()) == "of type object"


def test_a_message_stays_on_its_line_whatever_is_in_it() -> None:
    assert shown("a\n\u2028\ud800") == '"a\\n\\u2028\\ud800"'
    nested: list[Any] = []
    for _ in range(10_007):
        nested = [nested]
    assert shown(nested) == "of type list"
    assert spelled("näme") == "näme" and spelled("a\tb") == '"a\\tb"' and spelled("") == '""'
    assert quoted("näme") == "'näme'" and quoted("a\tb") == '"a\\tb"'
    assert named(["a", "b"]) == "a, b" and named([]) == "none"
    assert named([str(n) for n in range(17)]).endswith(" 10, 11, and 5 others")
    with pytest.raises(Malformed, match=r'^unknown field "a\\nb"; known are image$'):
        read(Look, {"image": "aGk=", "a\nb": 1})
