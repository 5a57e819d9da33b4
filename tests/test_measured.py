"""What a measured key means: its metric, and the baselines beside it."""

import pytest

from pipelines.report.compare import comparisons
from repertoire.config import RepertoireError
from repertoire.measured import Baseline, Declared, Metric, strongest

MEANS = Declared(
    (
        Metric("bleu_{n:d}_percent", "BLEU-{n}", "%", "higher"),
        Metric("f1_percent", "F1", "%", "higher"),
        Metric("f1_{label}_percent", "F1 of “{label}”", "%", "higher"),
        Metric("negative_iwae_{n:d}_nats", "IWAE-{n}", "nats", "lower", against="nats"),
        Metric("mae", "Mean absolute error", "", "lower"),
        Metric("perceptual_loss", "Perceptual loss", "", "lower"),
        Metric("frechet_distance", "Fréchet distance", "", "lower"),
        Metric("a_to_b_frechet_distance", "Fréchet distance, A to B", "", "lower"),
    ),
    (
        Baseline("persistence", "persistence"),
        Baseline("drift", "drift"),
        Baseline("seasonal_naive", "seasonal naive forecast"),
        Baseline("ar", "autoregression of order {ar_order:.0f}"),
        Baseline("volatility", "volatility"),
        Baseline("identity", "picture left as it is"),
        Baseline("transport", "linear map"),
        Baseline("real_halves", "two halves", "real"),
        Baseline("photograph_{style}", "photograph in {style}"),
        Baseline("optimised_{n:d}_{style}", "{n} iterations", "scale"),
        Baseline("bernoulli_mixture", "Bernoulli mixture"),
    ),
)


@pytest.mark.parametrize(
    ("key", "label", "against"),
    [
        ("bleu_13_percent", "BLEU-13", "bleu_13_percent"),
        ("f1_percent", "F1", "f1_percent"),
        ("f1_not_spam_percent", "F1 of “not spam”", "f1_not_spam_percent"),
        ("negative_iwae_50_nats", "IWAE-50", "nats"),
    ],
)
def test_a_metric_is_found_by_its_key_whose_fields_fill_its_label(key, label, against):
    found = MEANS.metric(key)
    assert (found.key, found.label, found.against) == (key, label, against)


@pytest.mark.parametrize("key", ["bleu_x_percent", "my_mae", "mae_2", "bleu__percent"])
def test_a_key_is_matched_whole_and_an_unknown_one_refused_with_those_that_are(key):
    with pytest.raises(RepertoireError, match=rf"no metric '{key}'; there are: bleu_"):
        MEANS.metric(key)


def test_a_bound_stands_beside_exact_likelihoods_and_the_best_comes_first():
    values = {"bernoulli_mixture_nats": 7.0, "drift_nats": 5.0, "drift_drawn_nats": 3.0}
    found = MEANS.beside(MEANS.metric("negative_iwae_50_nats"), values, {})
    assert list(found) == ["drift_nats", "bernoulli_mixture_nats"]
    assert strongest(found) == "drift_nats"


def test_bounds_and_scales_are_never_the_strongest():
    values = {"optimised_10_wave_perceptual_loss": 1.0, "real_halves_perceptual_loss": 2.0}
    beside = MEANS.beside(MEANS.metric("perceptual_loss"), values, {})
    assert len(beside) == 2 and strongest(beside) is None
    beside |= MEANS.beside(MEANS.metric("perceptual_loss"), {"drift_perceptual_loss": 9.0}, {})
    assert strongest(beside) == "drift_perceptual_loss"


def test_a_baseline_is_named_without_the_numbers_that_it_lacks_where_it_was_left_out():
    assert MEANS.label("ar") == "autoregression of order"
    assert MEANS.label("bleu_2_percent") == "BLEU-2" and MEANS.label("unheard_of") is None


def compared(value, error, known, metric="mae", better="lower", passed=True):
    gate = {"metric": metric, "better": better, "baseline": f"drift_{metric}", "passed": passed}
    errors = {} if error is None else {metric: error}
    return comparisons(
        gate, {"test": {metric: value}, "standard_errors": errors, "verdicts": []}, known, {}, MEANS
    )


def test_every_baseline_in_the_metric_of_the_gate_stands_beside_it():
    known = {"persistence_mae": 3.0, "drift_mae": 5.0, "seasonal_naive_mae": 3.5, "ar_order": 7.0}
    rows = compared(3.0, None, known)
    assert [row.baseline.label for row in rows] == [
        "drift",
        "persistence",
        "seasonal naive forecast",
    ]
    assert [row.verdict for row in rows] == ["✓ better", "within noise", "better"]
    assert [row.ratio for row in rows] == ["1.67", "1.00", "1.17"]


def test_what_lies_within_two_standard_errors_is_a_tie():
    known = {"drift_mae": 5.0, "persistence_mae": 3.5, "seasonal_naive_mae": 6.5, "ar_mae": 3.0}
    rows = compared(4.5, 0.5, {**known, "ar_order": 7.0, "volatility_mae": 5.5})
    assert {row.baseline_value: row.outcome for row in rows} == {
        5.0: "within noise",
        3.5: "worse",  # by just two of them
        6.5: "better",
        3.0: "worse",
        5.5: "better",
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
    rows = comparisons(
        gate, {"test": metrics, "standard_errors": {}, "verdicts": []}, known, {}, MEANS
    )
    shown = {(row.value, row.baseline_value): row.baseline.role for row in rows}
    assert shown == {
        (4.0, 9.0): "baseline",
        (4.0, 3.0): "real",
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
    rows = comparisons(gate, measured, known, {"style": "wave"}, MEANS)
    assert [(row.baseline_value, row.baseline.role) for row in rows] == [
        (8.0, "baseline"),
        (2.0, "scale"),
    ]


def test_metrics_of_older_code_are_called_by_their_keys_and_compared_at_the_gate_alone():
    assert MEANS.shown("mae") == MEANS.metric("mae") and MEANS.find("moe") is None
    [row] = compared(3.0, None, {"drift_moe": 5.0, "persistence_moe": 2.0}, metric="moe")
    assert (row.metric.label, row.metric.unit, row.baseline.label) == ("moe", "", "drift_moe")
    assert row.verdict == "✓ better" and row.baseline_value == 5.0
    gate = {"metric": "mae", "better": "lower", "baseline": "drift_mae", "passed": True}
    measured = {"test": {"moe": 7.0, "mae": 3.0}, "standard_errors": {}, "verdicts": []}
    rows = comparisons(gate, measured, {"drift_mae": 5.0, "drift_moe": 5.0}, {}, MEANS)
    assert [row.metric.key for row in rows] == ["mae"]


def test_a_net_that_is_equal_to_its_baseline_in_every_draw_is_within_noise():
    [row] = compared(5.0, 0.0, {"drift_mae": 5.0}, passed=False)
    assert row.verdict == "✗ within noise"


def test_the_gate_is_shown_although_its_baseline_is_of_other_settings():
    known = {"photograph_wave_perceptual_loss": 8.0, "photograph_scream_perceptual_loss": 7.0}
    metric, gate = MEANS.metric("perceptual_loss"), "photograph_wave_perceptual_loss"
    assert list(MEANS.beside(metric, known, {"style": "scream"}, gate)) == list(known)[::-1]
    assert list(MEANS.beside(metric, known, {"style": "scream"})) == [list(known)[1]]
