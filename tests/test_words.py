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
    (metric.replace(r"\d+", "50"), re.sub(r"\{\w+\}", "8", baseline), floor)
    for metric, baseline, floor in BESIDE
]


def has_words(key, table):
    return any(re.fullmatch(pattern, key) for pattern, *_ in table)


@pytest.mark.parametrize(("metric", "better", "baseline"), sorted(GATES))
def test_what_a_gate_compares_has_words_and_the_direction_of_the_gate(metric, better, baseline):
    assert has_words(metric, METRICS) and has_words(baseline, BASELINES)
    assert better_of(metric) == better


@pytest.mark.parametrize(("metric", "baseline", "floor"), FILLED)
def test_a_reference_beside_a_gate_has_words_and_measures_what_the_model_does(
    metric, baseline, floor
):
    assert has_words(metric, METRICS) and has_words(baseline, BASELINES)
    # The key of a baseline ends in the unit of the metric, and mostly in its name.
    assert baseline.rsplit("_", 1)[-1] == metric.rsplit("_", 1)[-1]
    unit = {"percent": "%", "db": "dB"}.get(metric.rsplit("_", 1)[-1])
    assert unit in (None, metric_words(metric)[1])


def test_no_reference_is_shown_twice_and_real_data_alone_are_a_floor():
    assert len(set(FILLED)) == len(FILLED)
    floors = {baseline for _, baseline, floor in BESIDE if floor}
    assert floors == {"real_halves_frechet_distance", "real_test_mode_divergence_nats"}


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


def test_an_even_match_with_a_reference_is_not_beaten():
    gate = {
        "metric": "mae",
        "better": "lower",
        "value": 3.0,
        "baseline": "drift_mae",
        "baseline_value": 5.0,
        "margin": 2.0,
        "wanted": 2.0,
        "passed": True,
    }
    known = {"drift_mae": 5.0, "persistence_mae": 3.0, "seasonal_naive_mae": 3.5}
    rows = comparisons(gate, {"mae": 3.0}, known, {})
    assert [row.verdict for row in rows] == ["✓ beats it", "✗ not beaten", "✓ beats it"]
    assert [row.ratio for row in rows] == ["1.67", "1.00", "1.17"]


def test_sizes_are_megabytes_from_a_million_bytes_on():
    assert [size(n) for n in (999_000, 1e6, 1.25e6)] == ["999 kB", "1.0 MB", "1.2 MB"]
    assert [small(v) for v in (0, 2.5e-7, 3e4)] == ["0", "2.5 × 10⁻⁷", "3.0 × 10⁴"]
