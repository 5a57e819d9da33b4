"""A model passes its gate only if it beats its baseline by enough standard errors."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.evaluate import _gate, verdicts
from pipelines.params import STRONGEST, Gate, Recipe, Training
from repertoire.config import RepertoireError
from repertoire.measured import Baseline, Declared, Metric
from repertoire.metrics.uncertainty import Drawn, write_draws

TRAINING = Training(epochs=3, threads=1, checkpoint_seconds=1.0, record_steps=2)


# Two draws whose deviation is 2, of as many units that it is not scaled.
DRAWN = {"height": Drawn(np.array([0.0, 2 * 2**0.5]), 10**18, 1)}


def means(better="lower"):
    metrics = [Metric(key, key.title(), "m", better) for key in ("height", "depth", "width")]
    rivals = [Baseline(name, name) for name in ("mean", "low", "high", "median")]
    return Declared(tuple(metrics), (*rivals, Baseline("real", "real", "real")))


def gate_of(recipe, metrics):
    first = verdicts(recipe, means(recipe.gate.better), metrics, DRAWN)[0]
    return _gate(recipe, metrics[recipe.gate.metric], 2.0, first)


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
    found = gate_of(recipe(better, standard_errors), {"height": value, "depth": 3.0})
    assert found["passed"] is passed
    assert found["margin"] == (11 - value if better == "lower" else value - 11)
    assert (found["value"], found["standard_error"]) == (value, 2.0)
    assert found["baseline_value"] == 11.0
    assert found["wanted"] == pytest.approx(2 * standard_errors)


def test_a_gate_whose_metric_or_baseline_was_not_measured_names_what_was(hills):
    with pytest.raises(RepertoireError, match="gate: no 'width'; there are: height, depth"):
        gate_of(recipe("lower", 3, "width"), {"height": 7.0, "depth": 3.0})
    gate = Gate("height", "lower", "median_height", 3, "passed")
    other = Recipe("A", "toy", "hills", 5, TRAINING, gate, {})
    with pytest.raises(RepertoireError, match="gate: no 'median_height'; there are: mean_height"):
        gate_of(other, {"height": 7.0})


def test_a_gate_whose_metric_has_no_standard_error_is_refused_with_the_remedy(hills):
    with pytest.raises(RepertoireError, match=r"depth has no standard error.*at least two units"):
        gate_of(recipe("lower", 1, "depth"), {"height": 7.0, "depth": 3.0})


def test_a_gate_may_name_whichever_baseline_is_strongest(hills, tmp_path):
    values = {"mean_height": 11.0, "low_height": 7.0, "high_height": 13.0, "real_height": 5.0}
    (tmp_path / "baselines/hills.json").write_text(json.dumps(values))
    for better, name in (("lower", "low_height"), ("higher", "high_height")):
        gate = Gate("height", better, STRONGEST, 1, "passed")
        asked = Recipe("A", "toy", "hills", 5, TRAINING, gate, {})
        found = verdicts(asked, means(better), {"height": 3.0}, DRAWN)
        assert found[0].baseline == name
        assert {each.baseline for each in found} == {"mean_height", "low_height", "high_height"}


@pytest.mark.parametrize(
    ("value", "shift", "verdict"),
    [
        (10.75, 0.25, "better"),  # ahead on every draw alike: no noise in the difference
        (11.25, -0.25, "worse"),
        (11.0, 0.0, "within noise"),
    ],
)
def test_rows_drawn_alike_make_a_small_difference_sure(hills, tmp_path, value, shift, verdict):
    beside = replace(DRAWN["height"], values=DRAWN["height"].values + shift)
    write_draws(tmp_path / "baselines/hills.draws.safetensors", {"mean_height": beside})
    [found] = verdicts(recipe("lower", 1), means(), {"height": value}, DRAWN)
    assert (found.verdict, found.test) == (verdict, "paired bootstrap")
    assert found.error == pytest.approx(0)


def test_without_draws_of_the_baseline_the_error_is_that_of_the_net_alone(hills):
    [found] = verdicts(recipe("lower", 1), means(), {"height": 7.5}, DRAWN)
    assert (found.verdict, found.test) == ("within noise", "bootstrap of the model alone")
    assert found.error == pytest.approx(2)
    assert verdicts(recipe("lower", 1), means(), {"height": 6.5}, DRAWN)[0].verdict == "better"


@pytest.mark.parametrize("other", [{"units": 7}, {"block": 3}])
def test_draws_of_other_units_are_not_paired(hills, tmp_path, other):
    beside = replace(DRAWN["height"], **other)
    write_draws(tmp_path / "baselines/hills.draws.safetensors", {"mean_height": beside})
    [found] = verdicts(recipe("lower", 1), means(), {"height": 7.5}, DRAWN)
    assert found.test == "bootstrap of the model alone"
