"""Forecasts of several series without nets: persistence, seasonal naive, and one linear map.

Errors are measured on standardised values: deviations of each series in the training part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from repertoire.contract import Array, Data
from repertoire.kinds.panel.facts import Facts
from repertoire.kinds.series.baselines import persistence, seasonal_naive
from repertoire.kinds.series.metrics import origin_means, panel_measurement, point_errors
from repertoire.kinds.series.scales import futures, origins, pasts
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("persistence", "persistence"),
    Baseline("seasonal_naive", "seasonal naive forecast"),
    Baseline("ridge", "linear map of the last values, ridge"),
)


Forecast: TypeAlias = Callable[[Array, Array, int], Array]
"""(standardised values (time, series), origins, horizon) -> points (origins, horizon, series)"""


@dataclass(frozen=True)
class Config:
    """``penalties`` are those of the ridge among which the valid part chooses."""

    penalties: tuple[float, ...]


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """The errors of each at every origin of the test part."""
    facts = data.facts
    history = data.arrays("history")
    values, at = standardised(history["values"], facts), data.arrays("test")["origin"]
    actual = futures(values, at, facts["horizon"])
    known = history["known"] > 0 if "known" in history else None
    counted = None if known is None else futures(known, at, facts["horizon"])
    forecasts, penalty = point_forecasts(config.penalties, values, facts, known)
    found = Scores()
    found["ridge_penalty"] = penalty
    for name, forecast in forecasts.items():
        error = actual - forecast(values, at, facts["horizon"])
        each = {"mse": error**2, "mae": np.abs(error)}
        means = {metric: origin_means(errors, counted) for metric, errors in each.items()}
        found.measure(name, panel_measurement(means, counted, facts))
    return found


def standardised(values: Array, facts: Facts) -> Array:
    """Values (time, series) in deviations from the mean of the training part."""
    return (values - np.asarray(facts["mean"])) / np.asarray(facts["deviation"])


def point_forecasts(
    penalties: tuple[float, ...],
    values: Array,
    facts: Facts,
    known: Array | None = None,
) -> tuple[dict[str, Forecast], float]:
    """By name: the last value, the last one of the same season, and the ridge; its penalty.

    Where there is no season, the last value is all that the second would be. ``known`` (time,
    series) bool says which values count, None: all.
    """
    penalty, ridge = chosen_ridge(penalties, values, facts, known)
    found: dict[str, Forecast] = {"persistence": persistence}
    if facts["season"] > 1:
        found["seasonal_naive"] = lambda z, at, horizon: _seasonal(z, at, horizon, facts["season"])
    found["ridge"] = ridge
    return found, penalty


def _seasonal(values: Array, at: Array, horizon: int, season: int) -> Array:
    columns = [seasonal_naive(column, at, horizon, season) for column in values.T]
    return np.stack(columns, axis=2)


@dataclass(frozen=True)
class Ridge:
    """One linear map for all series from changes against the last value to those that follow.

    Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", NLinear, with a
    ridge instead of gradient descent. ``weights`` (lookback + 1, horizon), the constant last.
    """

    weights: Array

    def __call__(self, values: Array, at: Array, horizon: int) -> Array:
        lookback = len(self.weights) - 1
        last = values[at][:, None]
        past = (pasts(values, at, lookback) - last).transpose(0, 2, 1)
        ahead = past @ self.weights[:-1] + self.weights[-1]
        return last + ahead.transpose(0, 2, 1)


def fit_ridge(train: Array, lookback: int, horizon: int, penalty: float) -> Ridge:
    """Least squares with a penalty on all weights, over every origin and series of the part."""
    at = np.arange(lookback - 1, len(train) - horizon)
    gram = np.zeros((lookback + 1, lookback + 1))
    product = np.zeros((lookback + 1, horizon))
    for column in train.T:
        last = column[at][:, None]
        known = np.column_stack((pasts(column, at, lookback) - last, np.ones(len(at))))
        gram += known.T @ known
        product += known.T @ (futures(column, at, horizon) - last)
    return Ridge(np.linalg.solve(gram + penalty * np.eye(lookback + 1), product))


def chosen_ridge(
    penalties: tuple[float, ...],
    values: Array,
    facts: Facts,
    known: Array | None = None,
) -> tuple[float, Ridge]:
    """The penalty with the least squared error over all origins of the valid part, and its fit."""
    first, horizon = facts["values"]["train"], facts["horizon"]
    at = origins(first, first + facts["values"]["valid"], horizon)
    actual = futures(values, at, horizon)
    counted = None if known is None else futures(known, at, horizon)

    def error(found: tuple[float, Ridge]) -> float:
        return point_errors(actual, found[1](values, at, horizon), counted)["mse"]

    lookback = facts["ridge_lookback"]
    models = [(p, fit_ridge(values[:first], lookback, horizon, p)) for p in penalties]
    return min(models, key=error)
