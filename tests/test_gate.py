"""A model passes its gate only if it beats its baseline by the margin."""

import json

import pytest

from pipelines.evaluate import _gate
from pipelines.params import Gate, Recipe, Training
from repertoire.config import RepertoireError

TRAINING = Training(epochs=3, threads=1, checkpoint_seconds=1.0, record_steps=2)


def recipe(better, margin, metric="height"):
    gate = Gate(metric, better, "mean_height", margin)
    return Recipe("A", "toy", "hills", 5, TRAINING, gate, {})


@pytest.fixture
def hills(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/hills.json").write_text(json.dumps({"mean_height": 11.0}))


@pytest.mark.parametrize(
    ("better", "value", "margin", "passed"),
    [
        ("lower", 8.0, 3, True),  # by just the margin
        ("lower", 8.25, 3, False),
        ("lower", 14.0, 3, False),
        ("higher", 14.0, 3, True),
        ("higher", 13.75, 3, False),
        ("higher", 8.0, 3, False),
        ("higher", 11.0, 0, True),
        ("lower", 11.5, -0.5, True),  # a margin below 0 lets a model be worse by so much
        ("lower", 12.0, -0.5, False),
    ],
)
def test_a_gate_is_passed_by_its_margin_and_no_less(hills, better, value, margin, passed):
    found = _gate(recipe(better, margin), {"height": value, "depth": 3.0})
    assert found["passed"] is passed
    assert found["margin"] == (11 - value if better == "lower" else value - 11)
    assert (found["value"], found["baseline_value"], found["wanted"]) == (value, 11.0, margin)


def test_a_gate_whose_metric_or_baseline_was_not_measured_names_what_was(hills):
    with pytest.raises(RepertoireError, match="gate: no 'width'; there are: height, depth"):
        _gate(recipe("lower", 3, "width"), {"height": 7.0, "depth": 3.0})
    gate = Gate("height", "lower", "median_height", 3)
    other = Recipe("A", "toy", "hills", 5, TRAINING, gate, {})
    with pytest.raises(RepertoireError, match="gate: no 'median_height'; there are: mean_height"):
        _gate(other, {"height": 7.0})
