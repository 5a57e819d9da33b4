"""Every key that a model is judged by has words, a direction and a reference that exists."""

import re

import pytest

from pipelines.report.compare import BESIDE, comparisons
from pipelines.report.words import (
    BASELINES,
    METRICS,
    baseline_words,
    better_of,
    metric_words,
    size,
    small,
    uncertain,
)
from repertoire.config import read_yaml
from tests.project import ROOT

FOLDERS = ("", "pipelines/benchmarks")
GATES = {
    (gate["metric"], gate["better"], gate["baseline"])
    for folder in FOLDERS
    for block in read_yaml(ROOT / folder / "params.yaml")["recipes"].values()
    for gate in [block["gate"]]
}
# A number or a name in the place of what a recipe fills in.
FILLED = [
    (metric.replace(r"\d+", "50"), re.sub(r"\{\w+\}", "8", baseline), role)
    for metric, baseline, role in BESIDE
]


def has_words(key, table):
    return any(re.fullmatch(pattern, key) for pattern, *_ in table)


@pytest.mark.parametrize(("metric", "better", "baseline"), sorted(GATES))
def test_what_a_gate_compares_has_words_and_the_direction_of_the_gate(metric, better, baseline):
    assert has_words(metric, METRICS) and has_words(baseline, BASELINES)
    assert better_of(metric) == better


@pytest.mark.parametrize(("metric", "baseline", "role"), FILLED)
def test_a_reference_beside_a_gate_has_words_and_measures_what_the_model_does(
    metric, baseline, role
):
    assert has_words(metric, METRICS) and has_words(baseline, BASELINES)
    # The key of a baseline ends in the unit of the metric, and mostly in its name.
    assert baseline.rsplit("_", 1)[-1] == metric.rsplit("_", 1)[-1]
    unit = {"percent": "%", "db": "dB"}.get(metric.rsplit("_", 1)[-1])
    assert unit in (None, metric_words(metric)[1])


def test_no_reference_is_shown_twice_and_real_data_alone_are_a_floor():
    assert len(set(FILLED)) == len(FILLED)
    floors = {baseline for _, baseline, role in BESIDE if role == "floor"}
    assert floors == {
        "real_halves_frechet_distance",
        "real_halves_principal_frechet_distance",
        "real_test_mode_divergence_nats",
    }


@pytest.mark.parametrize(
    ("key", "better"),
    [
        ("perplexity", "lower"),
        ("text_gain_nats", "higher"),
        ("nats_per_point", "lower"),
        ("b_to_a_frechet_distance", "lower"),
        ("modes_covered", "higher"),
        ("mode_divergence_nats", "lower"),
        ("class_divergence_nats", "lower"),
        ("grey_mse", "lower"),
        ("rmse", "lower"),
        ("psnr_db", "higher"),
        ("l1_levels", "lower"),
        ("calibration_error_percent", "lower"),
        ("style_loss", "lower"),
        ("ssim", "higher"),
    ],
)
def test_which_way_is_better(key, better):
    assert better_of(key) == better


def test_a_key_is_matched_whole_and_an_unknown_one_taken_apart():
    assert metric_words("perplexity_of_words_nats") == ("perplexity of words", "nats")
    assert metric_words("unheard_of_mse") == ("unheard of", "mse")
    assert baseline_words("unheard_of_perplexity", {}) == "unheard of perplexity"
    assert baseline_words("my_unigram_perplexity", {}) == "my unigram perplexity"
    # The words of a baseline that need a number which the data lack are not used.
    assert baseline_words("kneser_ney_perplexity", {}) == "kneser ney perplexity"


def compared(value, error, known, metric="mae", better="lower", passed=True):
    gate = {"metric": metric, "better": better, "baseline": f"drift_{metric}", "passed": passed}
    errors = {} if error is None else {metric: error}
    return comparisons(
        gate, {"test": {metric: value}, "standard_errors": errors, "verdicts": []}, known, {}
    )


def test_every_baseline_in_the_metric_of_the_gate_stands_beside_it():
    known = {"persistence_mae": 3.0, "drift_mae": 5.0, "seasonal_naive_mae": 3.5, "ar_order": 7.0}
    rows = compared(3.0, None, known)
    assert [row.baseline for row in rows] == ["drift", "persistence", "seasonal naive forecast"]
    assert [row.verdict for row in rows] == ["✓ better", "worse", "better"]
    assert [row.ratio for row in rows] == ["1.67", "1.00", "1.17"]


def test_what_lies_within_two_standard_errors_is_a_tie():
    known = {"drift_mae": 5.0, "persistence_mae": 3.5, "seasonal_naive_mae": 6.5, "ar_mae": 3.0}
    rows = compared(4.5, 0.5, {**known, "ar_order": 7.0, "volatility_mae": 5.5})
    assert {row.baseline_value: row.outcome for row in rows} == {
        5.0: "ties",
        3.5: "loses",  # by just two of them
        6.5: "beats",
        3.0: "loses",
        5.5: "beats",
    }
    assert rows[0].verdict == "✓ within noise"  # the gate asks for one
    [missed] = compared(4.75, 0.5, {"drift_mae": 5.0}, passed=False)
    assert missed.verdict == "✗ within noise"


def test_a_metric_that_ends_alike_is_no_rival_and_what_real_data_reach_is_a_floor():
    metrics = {"frechet_distance": 4.0, "a_to_b_frechet_distance": 5.0}
    gate = {
        "metric": "frechet_distance",
        "better": "lower",
        "baseline": "identity_frechet_distance",
        "passed": True,
    }
    known = {
        "identity_frechet_distance": 9.0,
        "identity_a_to_b_frechet_distance": 8.0,
        "real_halves_frechet_distance": 3.0,
        "transport_frechet_distance": 6.0,
    }
    rows = comparisons(gate, {"test": metrics, "standard_errors": {}, "verdicts": []}, known, {})
    shown = {(row.value, row.baseline_value): row.role for row in rows}
    assert shown == {
        (4.0, 9.0): "baseline",
        (4.0, 3.0): "floor",
        (4.0, 6.0): "baseline",
        (5.0, 8.0): "baseline",
    }


def test_optimisation_is_a_scale_and_another_style_is_no_rival():
    gate = {
        "metric": "perceptual_loss",
        "better": "lower",
        "baseline": "photograph_wave_perceptual_loss",
        "passed": True,
    }
    known = {
        "photograph_wave_perceptual_loss": 8.0,
        "photograph_scream_perceptual_loss": 7.0,
        "optimised_10_wave_perceptual_loss": 2.0,
    }
    measured = {"test": {"perceptual_loss": 4.0}, "standard_errors": {}, "verdicts": []}
    rows = comparisons(gate, measured, known, {"style": "wave"})
    assert [(row.baseline_value, row.role) for row in rows] == [(8.0, "baseline"), (2.0, "scale")]


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (108.123, 0.4567, "108.1 ± 0.46"),
        (3.0, None, "3.000"),
        (99.95, 0.05, "99.95 ± 0.050"),
        (100.0, 0.0, "100.0 ± 0"),
        (0.00377, 0.0000123, "0.003770 ± 0.000012"),
        (1234.5, 21.4, "1,234 ± 21"),
    ],
)
def test_a_value_stands_with_two_digits_of_its_standard_error(value, error, words):
    assert uncertain(value, error) == words


def test_sizes_are_megabytes_from_a_million_bytes_on():
    assert [size(n) for n in (999_000, 1e6, 1.25e6)] == ["999 kB", "1.0 MB", "1.2 MB"]
    assert [small(v) for v in (0, 2.5e-7, 3e4)] == ["0", "2.5 × 10⁻⁷", "3.0 × 10⁴"]
