"""Standard errors of what is measured on a sample, against closed forms."""

import numpy as np
import pytest

from repertoire.contract import Measurement
from repertoire.metrics.uncertainty import (
    DRAWS,
    Scores,
    drawn_values,
    mean_measurement,
    standard_errors,
    values,
)


def mean_of(numbers, block=1):
    return Measurement(len(numbers), lambda rows: {"mean": float(numbers[rows].mean())}, block)


def error_of(numbers, block=1, draws=2003):
    return standard_errors([mean_of(numbers, block)], draws)["mean"]


def test_the_error_of_a_mean_is_its_deviation_over_the_root_of_the_count():
    numbers = np.random.default_rng(1).exponential(3.0, 211)
    assert error_of(numbers) == pytest.approx(numbers.std(ddof=1) / 211**0.5, rel=0.05)


def test_the_error_of_a_mean_of_three_is_not_too_small():
    numbers = np.array([2.0, 3.0, 7.0])
    assert error_of(numbers) == pytest.approx(numbers.std(ddof=1) / 3**0.5, rel=0.05)


def test_the_error_of_a_share_is_binomial():
    right = np.arange(503) < 127
    share = 127 / 503
    assert error_of(right) == pytest.approx((share * (1 - share) / 503) ** 0.5, rel=0.05)


def test_the_error_of_the_area_under_the_roc_curve_is_that_of_hanley_and_mcneil():
    from repertoire.metrics.classification import roc_auc

    # Exponential scores, for which the formula is exact: the area is r / (1 + r).
    rng = np.random.default_rng(2)
    positive = np.arange(997) < 397
    scores = rng.exponential(np.where(positive, 3.0, 1.0))
    found = Measurement(997, lambda rows: {"area": roc_auc(scores[rows], positive[rows])})
    area = 0.75
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + 396 * (first - area**2) + 599 * (second - area**2)
    expected = (variance / (397 * 600)) ** 0.5
    assert standard_errors([found], 1009)["area"] == pytest.approx(expected, rel=0.1)


def test_blocks_show_the_error_of_neighbours_that_depend_on_each_other():
    # A moving sum of 7: the mean of n of them has 7 times the deviation of a mean of n shocks.
    shocks = np.random.default_rng(3).standard_normal(4003 + 6)
    numbers = np.convolve(shocks, np.ones(7), "valid")
    expected = 7 / 4003**0.5
    assert error_of(numbers, block=97) == pytest.approx(expected, rel=0.15)
    assert error_of(numbers) < expected / 2


def test_metrics_of_one_unit_have_no_error_and_several_samples_are_put_together():
    one = Measurement(1, lambda rows: {"statistic": 2.5})
    numbers = np.arange(13.0)
    assert values([one, mean_of(numbers)]) == {"statistic": 2.5, "mean": 6.0}
    assert set(standard_errors([one, mean_of(numbers)], 11)) == {"mean"}
    assert standard_errors([mean_of(numbers, block=17)], 11) == {}


def test_draws_in_which_a_metric_is_undefined_are_left_out_and_so_is_one_that_mostly_is():
    numbers = np.arange(31.0)

    def measure(rows):
        mean = float(numbers[rows].mean())
        # A given unit is the first of 3 % of the draws, and in 64 % of them at all.
        return {
            "mostly": float("nan") if rows[0] == 7 else mean,
            "seldom": float("nan") if 7 in rows else mean,
            "never": float("nan"),
        }

    found = standard_errors([Measurement(31, measure)], 1999)
    assert set(found) == {"mostly"}
    assert found["mostly"] == pytest.approx(numbers.std(ddof=1) / 31**0.5, rel=0.07)


def test_draws_that_are_all_alike_have_no_error_left_from_rounding():
    sixth = Measurement(7, lambda rows: {"same": 100 * np.exp(np.log(np.ones(len(rows))).mean())})
    noise = Measurement(7, lambda rows: {"near": 100 + 1e-13 * rows[0]})
    assert standard_errors([sixth, noise], 31) == {"same": 0.0, "near": 0.0}


def test_the_same_sample_has_the_same_error_each_time():
    numbers = np.random.default_rng(5).random(31)
    assert error_of(numbers, draws=53) == error_of(numbers, draws=53)


def test_scores_hold_all_that_was_measured_of_a_model_and_are_drawn_as_a_net_is():
    rng = np.random.default_rng(5)
    first, second = rng.random((2, 31))
    own, found = Scores(), Scores()
    own.measure("pca_3", mean_measurement("mse", first))
    own["pca_3_penalty"] = 0.1
    found.measure("pca_3", mean_measurement("nats", second))
    found.include(own)
    assert list(found) == ["pca_3_nats", "pca_3_mse", "pca_3_penalty"]
    assert found["pca_3_mse"] == pytest.approx(first.mean())
    draws = found.draws()
    assert set(draws) == {"pca_3_nats", "pca_3_mse"}
    net = drawn_values([mean_measurement("mse", first + 0.5)])["mse"]
    assert net.minus(draws["pca_3_mse"]).values == pytest.approx(np.full(DRAWS, 0.5))
