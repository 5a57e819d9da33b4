"""How good forecasts of a series are: points, quantiles, and one forecaster against another."""

import math
from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array


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


def forecast_metrics(
    actual: Array, point: Array, quantiles: Array, levels: Sequence[float], change: float
) -> dict[str, float]:
    """Every metric over all origins and steps.

    actual and point (origins, horizon), quantiles (origins, horizon, levels); ``change`` is the
    mean absolute change over a season in the training part, the scale of MASE (Hyndman and
    Koehler 2006). The interval is that between the levels 0.05 and 0.95.
    """
    error = np.abs(actual - point)
    low, high = (quantiles[..., levels.index(level)] for level in (0.05, 0.95))
    return {
        "mae": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "pinball_loss": float(pinball(actual, quantiles, levels).mean()),
        "mase": float(error.mean()) / change,
        "coverage_90_percent": covered(actual, low, high),
    }


def points_of(quantiles: Array, levels: Sequence[float], point: str) -> Array:
    """quantiles (…, levels) -> one value each: the median, or the "mean" of the quantiles."""
    found: Array = quantiles.mean(-1) if point == "mean" else quantiles[..., levels.index(0.5)]
    return found


def point_errors(actual: Array, point: Array) -> dict[str, float]:
    """Mean squared and mean absolute error over all of two equal shapes."""
    error = actual - point
    return {"mse": float((error**2).mean()), "mae": float(np.abs(error).mean())}


def diebold_mariano(first: Array, second: Array, lags: int) -> tuple[float, float]:
    """Statistic and two-sided p-value for equal expected losses (Diebold and Mariano 1995).

    first and second (origins,) in order of time; a negative statistic favours the first. The
    variance is that of Newey and West (1987) with Bartlett weights: h-step errors of neighbouring
    origins overlap in h - 1 steps. Losses that differ by a constant alone give (0, 1).
    """
    gap = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    count, centred = len(gap), gap - gap.mean()
    variance = centred @ centred
    for lag in range(1, min(lags, count - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (centred[lag:] @ centred[:-lag])
    variance /= count
    if variance <= 0:
        return 0.0, 1.0
    statistic = float(gap.mean() / math.sqrt(variance / count))
    return statistic, math.erfc(abs(statistic) / math.sqrt(2))
