"""Expectations that somebody states in params.yaml, and rows that were left out."""

import json

import pandas as pd
import pytest

from pipelines.params import Params
from pipelines.prepare import prepare
from repertoire.config import ConfigError
from repertoire.data.doors import BadRowRule, BadRows, left_out
from repertoire.data.own_expectations import own_expectations
from repertoire.data.validation import ValidationError
from tests.reviews import reviews, write_project

PLACE = "params.yaml.datasets.reviews.expectations"
LENGTHS = {"expectation": "ExpectColumnValueLengthsToBeBetween", "column": "text", "max_value": 61}
LABELS = {
    "expectation": "ExpectColumnValuesToBeInSet",
    "column": "label",
    "value_set": ["good", "bad"],
}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Prepares the reviews with entries of their block; returns its validation and its page."""

    def prepare_with(table, **more):
        monkeypatch.chdir(write_project(tmp_path / "own", table, **more))
        prepare("reviews")
        folder = tmp_path / "own/data/reviews"
        records = json.loads((folder / "validation.json").read_text("utf-8"))
        return records, (folder / "validation.html").read_text("utf-8")

    return prepare_with


def test_they_hold_besides_those_of_the_reader_and_are_shown_as_yours(prepared):
    described = {**LENGTHS, "description": "reviews are <short>"}
    records, page = prepared(reviews(211), expectations=[described, LABELS])
    yours = [record for record in records if record.get("yours")]
    assert len(records) > 12 and records[-2:] == yours
    assert [record["meaning"] for record in yours] == [
        "reviews are <short>",
        "column values to be in set: column label, value_set ['good', 'bad']",
    ]
    assert all(record["success"] for record in yours)
    assert page.count("<b>params.yaml</b>") == 2 and "reviews are &lt;short&gt;" in page
    assert "Rows left out" not in page


def test_without_any_nothing_is_marked(prepared):
    records, page = prepared(reviews(211))
    assert not [record for record in records if "yours" in record or "left_out" in record]
    assert "<b>params.yaml</b>" not in page and "Rows left out" not in page


def test_one_that_fails_stops_the_data_set_and_shows_the_rows(prepared, tmp_path):
    table = reviews(211)
    table.loc[13, "text"] = "the xyzzy film"
    name, regex = "ExpectColumnValuesToNotMatchRegex", "xyzzy|quux"
    with pytest.raises(ValidationError) as caught:
        prepared(table, expectations=[{"expectation": name, "column": "text", "regex": regex}])
    assert f"column text, regex xyzzy|quux ({name}): 1 row(s)" in str(caught.value)
    assert "the xyzzy film" in str(caught.value)
    assert not (tmp_path / "own/data").exists()


MISTAKES = [
    (
        {**LABELS, "expectation": "ExpectColumnValueToBeInSet"},
        "[1].expectation: no expectation 'ExpectColumnValueToBeInSet'; did you mean "
        "ExpectColumnValuesToBeInSet or",
    ),
    ({**LABELS, "expectation": "core"}, "no expectation 'core'; see greatexpectations.io"),
    ({"column": "text"}, "[1].expectation: missing; name a class of Great Expectations"),
    (
        {**LABELS, "values": [3]},
        "[1].values: unknown argument; ExpectColumnValuesToBeInSet has: column, value_set, ",
    ),
    (
        {"expectation": "ExpectColumnValuesToBeInSet"},
        "[1].column, value_set: missing; ExpectColumnValuesToBeInSet needs it",
    ),
    ({**LABELS, "value_set": "good"}, "[1]: value_set: value is not a valid list"),
    ({**LABELS, "mostly": 7}, "[1]: mostly: ensure this value is less than or equal to 1.0"),
    (
        {"expectation": "ExpectColumnValueLengthsToBeBetween", "column": "text"},
        "[1]: min_value and max_value cannot both be None",
    ),
    ({**LABELS, "value_set": [pd.Timestamp("2020-01-02")]}, "[1].value_set: "),
]


@pytest.mark.parametrize(("block", "complaint"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(block, complaint):
    with pytest.raises(ConfigError) as caught:
        own_expectations([LENGTHS, block], PLACE)
    assert str(caught.value).startswith(PLACE) and complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ({**LENGTHS, "column": "review"}, "[1].column: no column 'review'; there are: text, label"),
        (
            {"expectation": "ExpectCompoundColumnsToBeUnique", "column_list": ["text", "id"]},
            "[1].column_list: no column 'id'; there are: text, label",
        ),
        (
            {
                "expectation": "ExpectColumnPairValuesToBeEqual",
                "column_A": "text",
                "column_B": "title",
            },
            "[1].column_B: no column 'title'",
        ),
    ],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(block, complaint, prepared):
    with pytest.raises(ConfigError) as caught:
        prepared(reviews(211), expectations=[LABELS, block])
    assert f"{PLACE}{complaint}" in str(caught.value)


def test_they_are_found_with_all_other_mistakes_of_params(tmp_path):
    block = {"reader": "r", "sources": {}, "config": {}, "baseline": {}}
    content = {"sources": {}, "datasets": {"plain": block, "wrong": {**block, "expectations": 7}}}
    params = Params(content)
    assert params.dataset("plain").expectations == ()
    with pytest.raises(ConfigError, match=r"datasets\.wrong\.expectations: expected a list"):
        params.dataset("wrong")


def test_rows_left_out_are_counted_by_reason_and_bounded(prepared):
    table = reviews(211)
    table.loc[[3, 5], "text"] = ""
    table.loc[7, "label"] = ""
    records, page = prepared(table)
    (record,) = [record for record in records if "left_out" in record]
    assert record["expectation"] == "ExpectTableRowCountToBeBetween"
    assert record["meaning"] == "at most 3 % of the rows are left out; 3 of 211 are"
    assert record["observed"] == "208" and record["arguments"] == {"min_value": 205}
    places = [{"file": "reviews.csv", "row": row} for row in (5, 7, 9)]
    assert record["left_out"] == [
        {"reason": "no text", "count": 2, "first": places[:2]},
        {"reason": "no label", "count": 1, "first": places[2:]},
    ]
    assert "<h2>Rows left out</h2>" in page
    assert "<td>2<td>no text<td>reviews.csv row 5, reviews.csv row 7</tr>" in page


def test_many_rows_left_out_show_the_first_of_them():
    bad = BadRows(BadRowRule("drop", 0.5))
    for number in range(101):
        bad.add("a.csv", number + 2, "no text")
    table = bad.checked(pd.DataFrame({"text": ["a"] * 211}))
    (few,) = left_out(table)
    (reason,) = few.details["left_out"]
    assert reason["count"] == 101 and len(reason["first"]) == 20
    assert table.attrs == {} and left_out(table) == []
