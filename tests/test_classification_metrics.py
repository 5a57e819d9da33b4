"""Metrics of classes, against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from repertoire.metrics.classification import (
    calibration,
    confusion,
    f1_scores,
    label_metrics,
    roc_auc,
)


def guessed(classes, rows=307, seed=0):
    """Log-probabilities that know something of random labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    scores = rng.standard_normal((rows, classes)) + (np.arange(classes) == labels[:, None])
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True), labels


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_all_but_calibration_are_those_of_scikit_learn(classes):
    log_probs, labels = guessed(classes)
    names = [f"c{number}" for number in range(classes)]
    found = label_metrics(log_probs, labels, names)
    probs, guesses = np.exp(log_probs), log_probs.argmax(1)
    areas = [metrics.roc_auc_score(labels == c, probs[:, c]) for c in range(classes)]
    expected = {
        "accuracy_percent": 100 * metrics.accuracy_score(labels, guesses),
        "roc_auc_percent": 100 * np.mean(areas),
        "f1_percent": 100 * metrics.f1_score(labels, guesses, average="macro"),
        "nats_per_text": metrics.log_loss(labels, probs),
    }
    each = metrics.f1_score(labels, guesses, average=None)
    expected |= {f"f1_{name}_percent": 100 * f1 for name, f1 in zip(names, each, strict=True)}
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_calibration_is_the_curve_of_scikit_learn_weighted_by_its_bins():
    log_probs, labels = guessed(2, rows=401, seed=1)
    confidence, right = np.exp(log_probs.max(1)), log_probs.argmax(1) == labels
    share, mean = calibration_curve(right, confidence, n_bins=7)
    counts, _ = np.histogram(confidence, bins=np.linspace(0, 1, 8))
    found = calibration(log_probs, labels, bins=7)
    assert found.counts.tolist() == counts[counts > 0].tolist()
    np.testing.assert_allclose(found.accuracy, share)
    np.testing.assert_allclose(found.confidence, mean)
    expected = np.sum(counts[counts > 0] / 401 * np.abs(share - mean))
    assert found.error == pytest.approx(expected)


def test_sure_guesses_that_are_half_wrong_are_badly_calibrated_by_half():
    log_probs = np.log(np.tile([1e-12, 1 - 1e-12], (22, 1)))
    assert calibration(log_probs, np.arange(22) % 2).error == pytest.approx(0.5)


def test_ties_count_half_as_in_scikit_learn():
    rng = np.random.default_rng(2)
    positive = rng.random(211) < 0.3
    scores = rng.integers(0, 5, 211) + positive
    assert roc_auc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_equal_scores_have_half_the_area_and_one_kind_alone_none():
    assert roc_auc(np.zeros(17), np.arange(17) < 5) == 0.5
    assert np.isnan(roc_auc(np.arange(7.0), np.ones(7, bool)))


def test_rows_of_the_confusion_are_labels_and_columns_guesses():
    labels, guesses = np.array([0, 0, 0, 2, 2]), np.array([0, 1, 1, 2, 0])
    assert confusion(guesses, labels, 3).tolist() == [[1, 2, 0], [0, 0, 0], [1, 0, 1]]


def test_a_class_never_seen_nor_said_counts_as_nought():
    assert f1_scores(np.array([0, 0]), np.array([0, 0]), 2).tolist() == [1, 0]


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it():
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]])
    with np.errstate(divide="ignore"):
        found = calibration(np.log(probabilities), np.array([0, 0, 0]), bins=2)
    assert found.counts.tolist() == [1, 2]
    assert found.confidence == pytest.approx([0.5, 0.875])
    assert found.accuracy.tolist() == [1, 0.5]


def test_the_calibration_error_of_labels_is_that_of_their_bins():
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]])
    found = label_metrics(np.log(probabilities), np.array([0, 0, 0, 1, 1]), ["a", "b"])
    # Four rows of .9 of which three are right, one of .6 that is right.
    assert found["calibration_error_percent"] == pytest.approx(100 * (4 * 0.15 + 0.4) / 5)
