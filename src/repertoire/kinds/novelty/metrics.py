"""Which rows test which detector, and how well its scores tell anomalies from normal rows.

Of pictures, ``labels`` are classes: a detector's normal rows are those of its class, and all rows
test it. Of tables, ``labels`` are tables: a detector knows the rows of its own table alone, where
``anomaly`` is 1 for what is not normal.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from repertoire.contract import Array, Arrays, Measurement
from repertoire.measured import Metric
from repertoire.metrics.classification import ROC_AUC, average_precision, roc_auc

METRICS = (
    ROC_AUC,
    Metric("average_precision_percent", "Average precision", "%", "higher"),
    Metric("worst_roc_auc_percent", "Area under the ROC curve, worst detector", "%", "higher"),
)

Score = Literal["plain", "relative", "scaled"]
LEAST = 1e-3  # of a divisor: columns that hardly err in training must not decide all


class Trial(NamedTuple):
    """Of one detector: numbers of the rows that test it, which of them are anomalies, scores."""

    rows: Array
    anomaly: Array
    scores: Array


def normal_rows(arrays: Arrays, detector: int, hidden: bool) -> Array:
    """Numbers of a detector's normal rows; of all its rows where labels are ``hidden`` from it."""
    own = arrays["labels"] == detector
    if "anomaly" in arrays and not hidden:
        own &= arrays["anomaly"] == 0
    return np.flatnonzero(own)


def scored(score: Score, known: tuple[Array, Array], asked: tuple[Array, Array]) -> Array:
    """Scores (rows,) of rows ``asked``: their values (rows, values), and what a model gives back.

    ``known`` are the same of normal training rows. The mean squared error is the score; or, if
    ``relative``, the ratio of it to the mean square of the row and of normal rows together; or with
    each column's error ``scaled`` by what it is on normal rows.
    """
    values, rebuilt = asked
    errors = np.square(values - rebuilt)
    if score == "relative":
        usual = np.square(known[0]).mean() + LEAST
        return np.asarray(errors.mean(1) / (usual + np.square(values).mean(1)))
    if score == "scaled":
        errors = errors / (np.square(known[0] - known[1]).mean(0) + LEAST)
    return np.asarray(errors.mean(1))


def trials(arrays: Arrays, scores: Array) -> list[Trial]:
    """For each detector what its column of scores (rows, detectors) says of its rows."""
    labels, found = arrays["labels"], []
    for detector in range(scores.shape[1]):
        if "anomaly" in arrays:
            rows = np.flatnonzero(labels == detector)
            anomaly = arrays["anomaly"][rows] == 1
        else:
            rows, anomaly = np.arange(len(labels)), labels != detector
        found.append(Trial(rows, anomaly, scores[rows, detector]))
    return found


def ranking_metrics(parts: Sequence[Trial]) -> dict[str, float]:
    """Areas under the ROC and the precision-recall curve, means over detectors, in percent.

    A detector without anomalies, or without normal rows, among its rows is left out; the means are
    nan where that leaves none.
    """
    return _means(
        [
            (roc_auc(part.scores, part.anomaly), average_precision(part.scores, part.anomaly))
            for part in parts
        ]
    )


def _means(areas: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Of both areas of each detector."""
    known = [pair for pair in areas if np.isfinite(pair[0])] or [(float("nan"), float("nan"))]
    roc, precision = (100 * float(np.mean(each)) for each in zip(*known, strict=True))
    found = {"roc_auc_percent": roc, "average_precision_percent": precision}
    return found | ({"worst_roc_auc_percent": 100 * min(known)[0]} if len(areas) > 1 else {})


class Ranking:
    """A trial whose rows are sorted once, so that areas of any rows drawn cost no sorting."""

    def __init__(self, part: Trial) -> None:
        order = np.argsort(-part.scores, kind="stable")
        self.rows, self.anomaly = part.rows[order], part.anomaly[order]
        # Where each run of equal scores begins, the highest first.
        scores = part.scores[order]
        self.starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))

    def areas(self, often: Array) -> tuple[float, float]:
        """Both areas with each row of the split as ``often`` as is told; nan as ``roc_auc`` is."""
        weight = often[self.rows]
        said = np.add.reduceat(weight, self.starts)
        found = np.add.reduceat(weight * self.anomaly, self.starts)
        above, all_said = np.cumsum(found), np.cumsum(said)
        hits = int(above[-1])
        others = int(all_said[-1]) - hits
        if not hits or not others:
            return float("nan"), float("nan")
        area = float((said - found) @ (above - found / 2)) / (hits * others)
        return area, float(found @ (above / np.maximum(all_said, 1))) / hits


def ranking_measurement(parts: Sequence[Trial], units: int) -> Measurement:
    """``ranking_metrics`` of the rows of a split, of which there are ``units``."""
    rankings = [Ranking(part) for part in parts if len(part.rows)]
    missing = [(float("nan"), float("nan"))] * (len(parts) - len(rankings))

    def measure(rows: Array) -> dict[str, float]:
        often = np.bincount(rows, minlength=units)
        return _means([*(ranking.areas(often) for ranking in rankings), *missing])

    return Measurement(units, measure)
