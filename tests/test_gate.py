"""A model passes its gate only if it beats its baseline by enough standard errors."""

import json

import pytest

from pipelines.evaluate import _gate
from pipelines.params import Gate, Recipe, Training
from repertoire.config import RepertoireError

TRAINING = Training(epochs=3, threads=1, checkpoint_seconds=1.0, record_steps=2)


ERRORS = {"height": 2.0}


def recipe(better, standard_errors, metric="height"):
    gate = Gate(metric, better, "mean_height", standard_errors, "passed")
    return Recipe("A", "toy", "hills", 5, TRAINING, gate, {})


@pytest.fixture
def hills(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/hills.json").write_text(json.dumps({"mean_height": 11.0}))


@pytest.mark.parametrize(
    ("better", "value", "standard_errors", "passed"),
    [
        ("lower", 8.75, 1, True),
        ("lower", 9.0, 1, False),  # by just one standard error
        ("lower", 14.0, 1, False),
        ("higher", 13.25, 1, True),
        ("higher", 13.0, 1, False),
        ("higher", 8.0, 1, False),
        ("higher", 17.25, 3, True),
        ("higher", 17.0, 3, False),
        ("higher", 11.25, 0, True),
        ("higher", 11.0, 0, False),
        ("lower", 11.75, -0.5, True),  # below 0 a model may be behind by so much
        ("lower", 12.0, -0.5, False),
    ],
)
def test_a_gate_is_passed_by_more_than_its_standard_errors(
    hills, better, value, standard_errors, passed
):
    found = _gate(recipe(better, standard_errors), {"height": value, "depth": 3.0}, ERRORS)
    assert found["passed"] is passed
    assert found["margin"] == (11 - value if better == "lower" else value - 11)
    assert (found["value"], found["standard_error"]) == (value, 2.0)
    assert (found["baseline_value"], found["wanted"]) == (11.0, 2 * standard_errors)


def test_a_gate_whose_metric_or_baseline_was_not_measured_names_what_was(hills):
    with pytest.raises(RepertoireError, match="gate: no 'width'; there are: height, depth"):
        _gate(recipe("lower", 3, "width"), {"height": 7.0, "depth": 3.0}, ERRORS)
    gate = Gate("height", "lower", "median_height", 3, "passed")
    other = Recipe("A", "toy", "hills", 5, TRAINING, gate, {})
    with pytest.raises(RepertoireError, match="gate: no 'median_height'; there are: mean_height"):
        _gate(other, {"height": 7.0}, ERRORS)


def test_a_gate_whose_metric_has_no_standard_error_is_refused_with_the_remedy(hills):
    with pytest.raises(RepertoireError, match=r"depth has no standard error.*at least two units"):
        _gate(recipe("lower", 1, "depth"), {"height": 7.0, "depth": 3.0}, ERRORS)
