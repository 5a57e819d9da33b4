"""How well classes are told, and how well the probabilities of them can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array
from repertoire.measured import Metric

ROC_AUC = Metric("roc_auc_percent", "Area under the ROC curve", "%", "higher")
LABEL_METRICS = (
    Metric("accuracy_percent", "Accuracy", "%", "higher"),
    ROC_AUC,
    Metric("f1_percent", "F1, mean over classes", "%", "higher"),
    Metric("f1_{label}_percent", "F1 of “{label}”", "%", "higher"),
    Metric("calibration_error_percent", "Calibration error", "%", "lower"),
)

BINS = 15  # of confidence, as in Guo et al. 2017


@dataclass(frozen=True)
class Calibration:
    """For each bin of confidence that holds texts: how many, mean confidence, share right."""

    counts: Array
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """Expected calibration error: the gap of both, averaged over texts (Guo et al. 2017)."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((self.counts * gaps).sum() / self.counts.sum())


def label_metrics(log_probs: Array, labels: Array, names: Sequence[str]) -> dict[str, float]:
    """Metrics of log_probs (rows, classes) in nats against labels (rows,).

    F1 is that of each class by name, and their mean. The area under the ROC curve is the mean over
    classes, each against the rest; with two classes it is that of either.
    """
    classes = log_probs.shape[1]
    guesses = log_probs.argmax(1)
    # Differences of logarithms tell more apart than probabilities near 1.
    rest = [np.logaddexp.reduce(np.delete(log_probs, c, 1), axis=1) for c in range(classes)]
    areas = [roc_auc(log_probs[:, c] - rest[c], labels == c) for c in range(classes)]
    scores = f1_scores(guesses, labels, classes)
    return {
        "accuracy_percent": 100 * float(np.mean(guesses == labels)),
        "roc_auc_percent": 100 * float(np.mean(areas)),
        "f1_percent": 100 * float(scores.mean()),
        **{f"f1_{n}_percent": 100 * s for n, s in zip(names, scores.tolist(), strict=True)},
        "calibration_error_percent": 100 * calibration(log_probs, labels).error,
        "nats_per_text": -float(log_probs[np.arange(len(labels)), labels].mean()),
    }


def roc_auc(scores: Array, positive: Array) -> float:
    """Chance that a positive row scores above another row, ties counted half.

    The Mann-Whitney statistic (Hanley and McNeil 1982); nan if either kind of row is missing.
    """
    _, places, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - (sizes - 1) / 2  # mean rank of equal scores
    hits, others = int(positive.sum()), int((~positive).sum())
    if not hits or not others:
        return float("nan")
    ranks = float(middle[places][positive].sum())
    return (ranks - hits * (hits + 1) / 2) / (hits * others)


def confusion(guesses: Array, labels: Array, classes: int) -> Array:
    """How often a label (row) was taken for a class (column): int64 (classes, classes)."""
    pairs = np.bincount(labels * classes + guesses, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def f1_scores(guesses: Array, labels: Array, classes: int) -> Array:
    """Of each class the harmonic mean of precision and recall; 0 where both are 0."""
    table = confusion(guesses, labels, classes)
    said, true, both = table.sum(0), table.sum(1), np.diag(table)
    return 2 * both / np.maximum(said + true, 1)


def calibration(log_probs: Array, labels: Array, bins: int = BINS) -> Calibration:
    """Rows in equal bins of the guess's probability; the upper edge belongs to a bin."""
    confidence = np.exp(log_probs.max(1).astype(np.float64))
    right = (log_probs.argmax(1) == labels).astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    held = counts > 0
    means = [np.bincount(place, v, bins)[held] / counts[held] for v in (confidence, right)]
    return Calibration(counts[held], *means)


def average_precision(scores: Array, positive: Array) -> float:
    """Precision averaged over the recall that each distinct threshold adds; nan without positives.

    The step-wise area under the precision-recall curve (Davis and Goadrich 2006 for why not the
    straight lines between points).
    """
    _, places = np.unique(-scores, return_inverse=True)
    found = np.cumsum(np.bincount(places, positive))
    said = np.cumsum(np.bincount(places))
    if not found.size or not found[-1]:
        return float("nan")
    return float(np.sum(np.diff(found, prepend=0) / found[-1] * found / said))


def roc_curve(scores: Array, positive: Array) -> tuple[Array, Array]:
    """Shares of false alarms and of positives found, from the strictest threshold on."""
    _, places = np.unique(-scores, return_inverse=True)
    alarms, found = (
        np.cumsum(np.bincount(places, wanted, places.max() + 1)) for wanted in (~positive, positive)
    )
    return np.append(0, alarms / alarms[-1]), np.append(0, found / found[-1])


def linear_probe(known: Array, labels: Array, asked: Array, penalty: float = 1e-3) -> Array:
    """Classes of codes ``asked`` (m, width) by a linear map fitted to ``known`` (n, width).

    Ridge regression of standardised codes to plus and minus one; ``penalty`` is a share of n.
    """
    mean, deviation = known.mean(0), known.std(0) + 1e-12
    inputs, others = ((x.astype(np.float64) - mean) / deviation for x in (known, asked))
    classes = np.unique(labels)
    targets = np.where(labels[:, None] == classes, 1.0, -1.0)
    square = inputs.T @ inputs + penalty * len(inputs) * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, inputs.T @ (targets - targets.mean(0)))
    return classes[(others @ weights + targets.mean(0)).argmax(1)]
