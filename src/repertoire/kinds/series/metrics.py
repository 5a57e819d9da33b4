"""How good forecasts of a series are: points, quantiles, and one forecaster against another."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.kinds.series.facts import CourseFacts, Facts
from repertoire.measured import Metric

METRICS = (
    Metric("mae", "Mean absolute error", "", "lower"),
    Metric("mse", "Mean squared error", "", "lower"),
    Metric("rmse", "Root mean squared error", "", "lower"),
    Metric("pinball_loss", "Pinball loss", "", "lower"),
    Metric("mase", "Mean absolute scaled error", "", "lower"),
    Metric("coverage_{n:d}_percent", "Coverage of the {n} % interval", "%", "higher"),
    Metric("dm_statistic", "Diebold–Mariano statistic against the strongest baseline", "", "lower"),
    Metric("dm_p_value", "p-value of it", "", "lower"),
)


def pinball(actual: Array, quantiles: Array, levels: Sequence[float]) -> Array:
    """Pinball loss (Koenker and Bassett 1978), the mean over levels: same shape as ``actual``.

    actual (…), quantiles (…, levels), both in units of the series.
    """
    gap = actual[..., None] - quantiles
    tau = np.asarray(levels)
    return np.maximum(tau * gap, (tau - 1) * gap).mean(-1)


def covered(actual: Array, low: Array, high: Array) -> float:
    """Share of values within their intervals, in percent."""
    return 100 * float(((actual >= low) & (actual <= high)).mean())


def forecast_measurement(
    actual: Array, point: Array, quantiles: Array, facts: Facts
) -> Measurement:
    """Every metric over the steps of the origins drawn, neighbours in one block: they overlap.

    actual and point (origins, horizon), quantiles (origins, horizon, levels). The mean absolute
    change over a season in the training part is the scale of MASE (Hyndman and Koehler 2006),
    which is left out where that is zero. The interval is that between the levels 0.05 and 0.95.
    """
    levels, change = facts["levels"], facts["seasonal_change"]
    error = np.abs(actual - point)
    low, high = (quantiles[..., levels.index(level)] for level in (0.05, 0.95))
    errors, squares = error.mean(1), (error**2).mean(1)
    losses = pinball(actual, quantiles, levels).mean(1)
    within = 100 * ((actual >= low) & (actual <= high)).mean(1)

    def measure(rows: Array) -> dict[str, float]:
        mae = float(errors[rows].mean())
        return {
            "mae": mae,
            "rmse": float(np.sqrt(squares[rows].mean())),
            "pinball_loss": float(losses[rows].mean()),
            **({"mase": mae / change} if change else {}),
            "coverage_90_percent": float(within[rows].mean()),
        }

    return Measurement(len(actual), measure, overlapping(facts))


def origin_means(each: Array, known: Array | None) -> Array:
    """each (origins, horizon, series) -> its mean for each origin, over what is ``known``.

    An origin of which nothing is known has the mean 0, and no weight in the mean of all.
    """
    if known is None:
        found: Array = each.mean((1, 2))
        return found
    return (each * known).sum((1, 2)) / np.maximum(known.sum((1, 2)), 1)


def panel_measurement(
    means: Mapping[str, Array], known: Array | None, facts: CourseFacts
) -> Measurement:
    """``origin_means`` by metric, ready to be averaged over all that is ``known`` of some origins.

    Neighbouring origins are drawn in one block: they overlap.
    """
    weights = None if known is None else known.sum((1, 2))

    def measure(rows: Array) -> dict[str, float]:
        if weights is None or not weights[rows].sum():
            return {name: float(each[rows].mean()) for name, each in means.items()}
        return {n: float(np.average(m[rows], weights=weights[rows])) for n, m in means.items()}

    units = len(next(iter(means.values())))
    return Measurement(units, measure, overlapping(facts))


def overlapping(facts: CourseFacts) -> int:
    """How many neighbouring origins forecast a step in common, with their ``stride``."""
    return -(-int(facts["horizon"]) // int(facts.get("stride", 1)))


def points_of(quantiles: Array, levels: Sequence[float], point: str) -> Array:
    """quantiles (…, levels) -> one value each: the median, or the "mean" of the quantiles."""
    found: Array = quantiles.mean(-1) if point == "mean" else quantiles[..., levels.index(0.5)]
    return found


def point_errors(actual: Array, point: Array, known: Array | None = None) -> dict[str, float]:
    """Mean squared and mean absolute error over all of two equal shapes, or what is ``known``."""
    error = actual - point if known is None else (actual - point)[known]
    return {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean())}


def diebold_mariano(first: Array, second: Array, horizon: int) -> tuple[float, float]:
    """Statistic and two-sided p-value for equal expected losses (Diebold and Mariano 1995).

    first and second (origins,) in order of time, of forecasts ``horizon`` steps ahead; a negative
    statistic favours the first. Errors of neighbouring origins overlap in ``horizon`` - 1 steps,
    whose autocovariances are summed; if that is not positive, with Bartlett's weights. Corrected
    for few origins, and compared with Student's t (Harvey, Leybourne and Newbold 1997, equations 5
    to 9). Losses that differ by a constant alone give (0, 1).
    """
    from scipy.stats import t

    gap = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    count, mean = len(gap), float(gap.mean())
    centred = gap - mean
    steps = min(horizon, count)
    products = [float(centred[lag:] @ centred[: count - lag]) for lag in range(steps)]
    variance = (products[0] + 2 * sum(products[1:])) / count
    if variance <= 0:
        weights = [1 - lag / steps for lag in range(1, steps)]
        weighted = sum(w * p for w, p in zip(weights, products[1:], strict=True))
        variance = (products[0] + 2 * weighted) / count
    if variance <= 0:
        return 0.0, 1.0
    correction = (count + 1 - 2 * steps + steps * (steps - 1) / count) / count
    statistic = mean / math.sqrt(variance / count) * math.sqrt(max(correction, 0.0))
    return statistic, float(2 * t.sf(abs(statistic), count - 1))
