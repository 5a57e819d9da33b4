"""Forecasts without nets: persistence, seasonal naive, drift, autoregressions, volatility.

Where there is a season, an autoregression of the deviations from the mean of each season stands
beside the plain one: climatology and anomalies, the usual baseline of monthly measurements. For
daily prices quantiles scaled by an exponentially weighted volatility are what practice uses;
fitting its decay, or a GARCH(1, 1), gains nothing here.

All work on the scale that ``facts["scale"]`` names and know the values up to their origin alone.
Their quantiles are a point forecast plus the empirical quantiles of its errors at all origins of
the training part, horizon by horizon.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from repertoire.config import Share
from repertoire.contract import Array, Data
from repertoire.kinds.series.facts import Facts
from repertoire.kinds.series.metrics import forecast_measurement
from repertoire.kinds.series.scales import futures, origins, pasts, scaled, unscaled
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("persistence", "persistence"),
    Baseline("seasonal_naive", "seasonal naive forecast"),
    Baseline("drift", "drift"),
    Baseline("ar", "autoregression of order {ar_order:.0f}"),
    Baseline("seasonal_ar", "seasonal means and autoregression of order {seasonal_ar_order:.0f}"),
    Baseline("volatility", "persistence scaled by volatility"),
)


LEAST_VARIANCE = 1e-6  # of the mean square

Forecast: TypeAlias = Callable[[Array, Array, int], Array]
"""(values on the scale, origins, horizon) -> points (origins, horizon)"""


@dataclass(frozen=True)
class Method:
    """``forecast``, and how many values it must know: its errors before then are no guide."""

    forecast: Forecast
    memory: int


@dataclass(frozen=True)
class Config:
    """``decay`` of the exponentially weighted variance; 0.94 is that of RiskMetrics (1996)."""

    decay: Share


@dataclass(frozen=True)
class Backtest:
    """What a baseline says of some origins: actual and points (origins, horizon), quantiles."""

    actual: Array
    points: Array
    quantiles: Array


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """The metrics of each on the test part; the orders were chosen on the valid part."""
    facts, values = data.facts, data.arrays("history")["values"]
    at = data.arrays("test")["origin"]
    methods = point_methods(values, facts)
    tests = {name: backtest(values, at, method, facts) for name, method in methods.items()}
    tests["volatility"] = backtest(values, at, PERSISTENCE, facts, config.decay)
    found = Scores()
    for name, test in tests.items():
        found.measure(name, forecast_measurement(test.actual, test.points, test.quantiles, facts))
    for name in ORDERED:
        if name in methods:
            found[f"{name}_order"] = float(methods[name].memory)
    return found


def point_methods(values: Array, facts: Facts) -> dict[str, Method]:
    """By name; the seasonal ones only where there is a season."""
    season = facts["season"]
    found = {"persistence": PERSISTENCE, "drift": Method(drift, 2)}
    found["ar"] = chosen_autoregression(values, facts, 1)
    if season > 1:
        found["seasonal_naive"] = Method(
            lambda z, at, horizon: seasonal_naive(z, at, horizon, season), season
        )
        found["seasonal_ar"] = chosen_autoregression(values, facts, season)
    return found


def strongest(values: Array, facts: Facts) -> tuple[str, Method]:
    """The method of the least mean absolute error on the valid part, after its name."""
    methods = point_methods(values, facts)
    name = min(methods, key=lambda each: _valid_error(methods[each].forecast, values, facts))
    return name, methods[name]


def persistence(values: Array, at: Array, horizon: int) -> Array:
    """The last value, for ever."""
    return np.repeat(values[at, None], horizon, axis=1)


PERSISTENCE = Method(persistence, 1)
ORDERED = ("ar", "seasonal_ar")  # names of the methods whose memory is an order


def drift(values: Array, at: Array, horizon: int) -> Array:
    """The last value, and from there on the mean change since the beginning."""
    slope = (values[at] - values[0]) / np.maximum(at, 1)
    return values[at, None] + slope[:, None] * np.arange(1, horizon + 1)


def seasonal_naive(values: Array, at: Array, horizon: int, season: int) -> Array:
    """The last known value of the same season; before a whole season is known, the first value."""
    steps = np.arange(1, horizon + 1)
    back = steps - season * -(-steps // season)
    return values[np.maximum(at[:, None] + back, 0)]


@dataclass(frozen=True)
class Autoregression:
    """An autoregression with a constant: ``weights`` are the constant, then lags 1 to order."""

    weights: Array

    @property
    def order(self) -> int:
        return len(self.weights) - 1

    def __call__(self, values: Array, at: Array, horizon: int) -> Array:
        """Iterated forecasts; lags before the beginning count as the first value."""
        known = values[np.maximum(at[:, None] - np.arange(self.order), 0)]
        steps = []
        for _ in range(horizon):
            step = self.weights[0] + known @ self.weights[1:]
            known = np.column_stack((step, known[:, :-1]))
            steps.append(step)
        return np.stack(steps, axis=1)


def fit_autoregression(train: Array, order: int) -> Autoregression:
    """Conditional least squares over the training part."""
    at = np.arange(order - 1, len(train) - 1)
    lags = pasts(train, at, order)[:, ::-1]
    design = np.column_stack((np.ones(len(at)), lags))
    weights, *_ = np.linalg.lstsq(design, train[at + 1], rcond=None)
    return Autoregression(weights)


@dataclass(frozen=True)
class SeasonalAutoregression:
    """``means`` (season,) by place in the season, and a model of the ``anomalies`` from them."""

    means: Array
    anomalies: Autoregression

    def __call__(self, values: Array, at: Array, horizon: int) -> Array:
        """Iterated forecasts of the anomalies, on top of the means of the steps ahead."""
        ahead = at[:, None] + np.arange(1, horizon + 1)
        season = len(self.means)
        apart = values - self.means[np.arange(len(values)) % season]
        return self.anomalies(apart, at, horizon) + self.means[ahead % season]


def fit_seasonal_autoregression(train: Array, order: int, season: int) -> SeasonalAutoregression:
    """Means of the training part by place in the season, and least squares on what is left."""
    means = np.array([train[place::season].mean() for place in range(season)])
    apart = train - means[np.arange(len(train)) % season]
    return SeasonalAutoregression(means, fit_autoregression(apart, order))


def chosen_autoregression(values: Array, facts: Facts, season: int) -> Method:
    """The order with the least mean absolute error over all origins of the valid part.

    With a ``season`` of more than one step it is that of the deviations from seasonal means.
    """
    first = facts["values"]["train"]
    train = scaled(values[:first], facts["scale"])
    # A fit needs more equations than weights.
    orders = range(1, min(facts["largest_order"], first // 3) + 1)
    methods = []
    for order in orders:
        fitted: Forecast = (
            fit_seasonal_autoregression(train, order, season)
            if season > 1
            else fit_autoregression(train, order)
        )
        methods.append(Method(fitted, order))
    return min(methods, key=lambda method: _valid_error(method.forecast, values, facts))


def _valid_error(forecast: Forecast, values: Array, facts: Facts) -> float:
    """Mean absolute error over all origins and steps of the valid part, in units of the series."""
    first, horizon = facts["values"]["train"], facts["horizon"]
    end = first + facts["values"]["valid"]
    at = origins(first, end, horizon)
    with np.errstate(over="ignore", invalid="ignore"):  # an autoregression may grow without bound
        points = forecast(scaled(values[:end], facts["scale"]), at, horizon)
        error = np.abs(unscaled(points, facts["scale"]) - futures(values, at, horizon)).mean()
    return float(error) if np.isfinite(error) else np.inf


def backtest(
    values: Array,
    at: Array,
    method: Method,
    facts: Facts,
    decay: float | None = None,
) -> Backtest:
    """Points and quantiles in units of the series, for origins anywhere behind the training part.

    Quantiles come from the errors at the training origins at which the method knew all it needs.

    With a ``decay`` errors are measured in deviations of the changes known at their origin, and
    scaled by the deviation at the origin of the forecast; the median is then the point, so that it
    holds what the training part says of the direction.
    """
    horizon, scale = facts["horizon"], facts["scale"]
    on_scale, train = scaled(values, scale), facts["values"]["train"]
    spread = np.ones(len(values)) if decay is None else volatility(on_scale, train, decay)
    learned = origins(method.memory, train, horizon)
    error = futures(on_scale, learned, horizon) - method.forecast(on_scale, learned, horizon)
    empirical = residual_quantiles(error / spread[learned, None], facts["levels"])
    points = method.forecast(on_scale, at, horizon)
    quantiles = points[..., None] + spread[at, None, None] * empirical
    if decay is not None:
        points = quantiles[..., facts["levels"].index(0.5)]
    return Backtest(
        futures(values, at, horizon), unscaled(points, scale), unscaled(quantiles, scale)
    )


def residual_quantiles(errors: Array, levels: Sequence[float]) -> Array:
    """errors (origins, horizon) -> quantiles (horizon, levels)."""
    return np.quantile(errors, np.asarray(levels), axis=0).T


def volatility(values: Array, train: int, decay: float) -> Array:
    """Deviation of one-step changes known at each time, exponentially weighted: (values,).

    Starts from the mean square of the training part. Where a series stands still for long, a small
    part of that is left, for errors are divided by it.
    """
    squares = np.diff(values) ** 2
    variance = np.empty(len(values))
    variance[0] = squares[: train - 1].mean()
    for step, square in enumerate(squares, 1):
        variance[step] = decay * variance[step - 1] + (1 - decay) * square
    return np.sqrt(np.maximum(variance, LEAST_VARIANCE * variance[0]))
