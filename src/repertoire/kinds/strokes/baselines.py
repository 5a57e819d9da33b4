"""Pen strokes without nets: one Gaussian, and a mixture over a point and the two before it."""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.kinds.strokes.metrics import point_measurement
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("gaussian", "one Gaussian and a Bernoulli pen"),
    Baseline("linear_mixture", "mixture of {linear_mixture_components:.0f} regressions"),
    Baseline("never", "pen that never lifts"),
)


FEWEST = 20  # points a component of a mixture is fitted to
RIDGE = 1e-4  # added to the variances of points that lie on one line


@dataclass(frozen=True)
class Config:
    """``components`` of the mixture, fitted to the first ``rows`` points by EM.

    They are fewer where a component would have fewer than ``FEWEST`` points.
    """

    rows: Count
    components: Count
    iterations: Natural
    seed: Seed


def baselines(config: Config, data: Data) -> Scores:
    """Nats per point of the test words, and how often the pen bit is right if it never ends."""
    train, test = (_table(data.arrays(split)) for split in ("train", "test"))
    train = train[: config.rows]
    pen_seen, pen = train[:, 2], test[:, 2]
    # A pen that never, or always, lifts in training may do otherwise in the test.
    chance = np.clip(pen_seen.mean(), 1 / (len(train) + 2), 1 - 1 / (len(train) + 2))
    flat = -np.log(np.where(pen > 0.5, chance, 1 - chance))
    lengths, found = data.arrays("test")["lengths"], Scores()
    mixed = mixture_nats(config, train, test) + pen_nats(train, test)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    for model, metric, points in (
        ("gaussian", "nats_per_point", gaussian_nats(train[:, :2], test[:, :2]) + flat),
        ("linear_mixture", "nats_per_point", mixed),
        ("never", "end_of_stroke_accuracy_percent", 100 * (1 - pen)),
    ):
        sums = {metric: np.bincount(rows, points, len(lengths))}
        found.measure(model, point_measurement(sums, lengths))
    found["linear_mixture_components"] = float(config.components)
    return found


def _table(arrays: Arrays) -> Array:
    """(points, 9): each point, the one before it and the one before that; zeros before a word."""
    points = arrays["points"].astype(np.float64)
    padded = np.pad(points, ((0, 0), (2, 0), (0, 0)))
    rows = np.concatenate((points, padded[:, 1:-1], padded[:, :-2]), axis=2)
    real = np.arange(points.shape[1]) < arrays["lengths"][:, None]
    return rows[real]


def gaussian_nats(train: Array, test: Array) -> Array:
    """Negative log-density of each row of ``test`` under the Gaussian of ``train``."""
    gap = test - train.mean(0)
    spread = np.cov(train, rowvar=False, ddof=0)
    if np.linalg.matrix_rank(spread) < len(spread):
        spread = spread + RIDGE * np.eye(len(spread))
    squares = np.einsum("ni,ij,nj->n", gap, np.linalg.inv(spread), gap)
    constant = np.linalg.slogdet(spread)[1] + train.shape[1] * np.log(2 * np.pi)
    return np.asarray(0.5 * (squares + constant))


def mixture_nats(config: Config, train: Array, test: Array) -> Array:
    """Negative log-density of each offset of ``test`` given the two before it.

    A mixture of Gaussians over all three; given two of them it is a mixture of linear regressions
    whose weights depend on the two. Offsets through the air, after the end of a stroke, have a
    mixture of their own, because they are another kind of movement.
    """
    nats = np.zeros(len(test))
    every, asked = (rows[:, [3, 4, 6, 7, 0, 1]] for rows in (train, test))
    for lifted in (False, True):
        seen, here = (_after_lift(rows) == lifted for rows in (train, test))
        if here.any():
            known = every[seen] if seen.sum() >= FEWEST else every
            nats[here] = -conditional_log_density(config, known, asked[here])
    return nats


def _after_lift(rows: Array) -> Array:
    """Whether the pen is in the air: after the end of a stroke, and before a word's first point."""
    return (rows[:, 5] > 0.5) | ~rows[:, 3:6].any(1)


def conditional_log_density(config: Config, train: Array, test: Array) -> Array:
    """log p(last two columns | the others) of each row under a Gaussian mixture of ``train``."""
    # Imported late: only this baseline needs it.
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        max(1, min(config.components, len(train) // FEWEST)),
        max_iter=config.iterations,
        random_state=config.seed,
        reg_covar=1e-4,
    ).fit(train)
    return _log_density(model, test, train.shape[1]) - _log_density(model, test, train.shape[1] - 2)


def _log_density(model: object, rows: Array, width: int) -> Array:
    """Log-density of the first ``width`` columns under a fitted mixture."""
    from scipy.special import logsumexp
    from scipy.stats import multivariate_normal

    parts = zip(model.weights_, model.means_, model.covariances_, strict=True)  # type: ignore[attr-defined]
    logs = [
        np.log(weight)
        + multivariate_normal.logpdf(rows[:, :width], mean[:width], spread[:width, :width])
        for weight, mean, spread in parts
    ]
    return np.asarray(logsumexp(np.stack(logs), axis=0))


def pen_nats(train: Array, test: Array) -> Array:
    """Negative log-chance of each pen bit of ``test`` given the two points before it.

    By logistic regression.
    """
    from sklearn.linear_model import LogisticRegression

    def features(rows: Array) -> Array:
        before = rows[:, 3:]
        return np.column_stack((before, before[:, [0, 1, 3, 4]] ** 2, _after_lift(rows)))

    lifts = train[:, 2] > 0.5
    if lifts.all() or not lifts.any():
        chance = (lifts.sum() + 0.5) / (len(lifts) + 1)
        return -np.log(np.where(test[:, 2] > 0.5, chance, 1 - chance))
    model = LogisticRegression(max_iter=300).fit(features(train), lifts)
    chances = model.predict_proba(features(test))[:, 1]
    return -np.log(np.where(test[:, 2] > 0.5, chances, 1 - chances))
