"""Backtest over every origin of a split, and what the report shows of it; numpy alone."""

from typing import Any

import numpy as np

from repertoire.baselines.series import backtest, persistence, point_forecasts
from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Run
from repertoire.families.forecaster.config import Config
from repertoire.metrics.pictures import thinned
from repertoire.metrics.series import covered, diebold_mariano, forecast_metrics, pinball


def forecasts(run: Run, data: Data, split: str) -> tuple[Array, Array]:
    """actual (origins, horizon) and quantiles (origins, horizon, levels), units of the series."""
    arrays = data.arrays(split)
    quantiles = run("forecast", series=arrays["past"])["quantiles"]
    return arrays["future"], quantiles.astype(np.float64)


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Rolling origin: every origin of the split, all steps of the horizon, the median as point.

    Diebold-Mariano compares absolute errors with those of persistence, averaged over the horizon.
    """
    facts = data.facts
    actual, quantiles = forecasts(run, data, split)
    median = quantiles[..., facts["levels"].index(0.5)]
    metrics = forecast_metrics(actual, median, quantiles, facts["levels"], facts["seasonal_change"])
    last = backtest(
        data.arrays("history")["values"], data.arrays(split)["origin"], persistence, facts
    )
    own, others = (np.abs(actual - points).mean(1) for points in (median, last.points))
    statistic, p_value = diebold_mariano(own, others, facts["horizon"] - 1)
    return {**metrics, "dm_statistic": statistic, "dm_p_value": p_value}


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """Quantiles (horizon, levels) at the last origin of the valid part."""
    past = data.arrays("valid")["past"][-1:]
    return {"quantiles": run("forecast", series=past)["quantiles"][0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Fans at stated origins, errors by horizon, what the intervals cover, and training."""
    actual, quantiles = forecasts(run, data, "test")
    fans = [
        _fan(data, quantiles[place], int(data.arrays("test")["origin"][place]), name)
        for name, place in (("first", 0), ("middle", len(actual) // 2), ("last", len(actual) - 1))
    ]
    return (
        *fans,
        *_by_horizon(data, actual, quantiles),
        _coverage(data, actual, quantiles),
        _training(data, snapshots["quantiles"]),
    )


def _axes(data: Data) -> tuple[str, str]:
    return ("steps from the origin", f"{data.facts['dataset'].replace('_', ' ')}, {_unit(data)}")


def _unit(data: Data) -> str:
    return str(data.facts["unit"])


def _date(data: Data, origin: int) -> str:
    return str(data.arrays("history")["day"][origin].astype("datetime64[D]"))


def _fan(data: Data, quantiles: Array, origin: int, name: str) -> Figure:
    facts, values = data.facts, data.arrays("history")["values"]
    levels, horizon = facts["levels"], facts["horizon"]
    shown = min(facts["lookback"], 3 * horizon)
    ahead = list(range(1, horizon + 1))
    median = quantiles[:, levels.index(0.5)]
    lines = [
        Line(
            f"median and {100 * (levels[-1 - low] - levels[low]):.0f} % interval",
            ahead,
            median.tolist(),
            quantiles[:, low].tolist(),
            quantiles[:, -1 - low].tolist(),
        )
        for low in (0, len(levels) // 4)
    ]
    known = values[origin + 1 - shown : origin + horizon + 1]
    observed = Line("observed", list(range(1 - shown, horizon + 1)), known.tolist())
    caption = (
        f"Forecast from the {name} origin of the test part, {_date(data, origin)}: "
        f"{horizon} steps that the net did not see, and the {shown} values before them."
    )
    return Figure(f"fan-{name}", Kind.LINES, caption, columns=_axes(data), lines=(observed, *lines))


def _by_horizon(data: Data, actual: Array, quantiles: Array) -> tuple[Figure, Figure]:
    facts, values = data.facts, data.arrays("history")["values"]
    at, levels = data.arrays("test")["origin"], facts["levels"]
    points = {"net": quantiles[..., levels.index(0.5)]}
    for name, forecast in point_forecasts(values, facts).items():
        points[name] = backtest(values, at, forecast, facts).points
    errors = {name: np.abs(actual - point) for name, point in points.items()}
    steps = range(1, facts["horizon"] + 1)
    lines = [
        Line(name.replace("_", " "), list(steps), error.mean(0).tolist())
        for name, error in errors.items()
    ]
    whole = f"the mean over all {len(at)} origins of the test part."
    chart = Figure(
        "error-by-horizon",
        Kind.LINES,
        f"Absolute error of the net and of each baseline by steps ahead, {whole}",
        columns=("steps ahead", f"mean absolute error, {_unit(data)}"),
        lines=lines,
    )
    return chart, _table(facts, actual, quantiles, errors)


def _table(
    facts: dict[str, Any], actual: Array, quantiles: Array, errors: dict[str, Array]
) -> Figure:
    levels = facts["levels"]
    low, high = levels.index(0.05), levels.index(0.95)
    losses = pinball(actual, quantiles, levels).mean(0)
    cells = []
    for step in range(facts["horizon"]):
        own, last = errors["net"][:, step], errors["persistence"][:, step]
        statistic, p_value = diebold_mariano(own, last, step)
        share = covered(actual[:, step], quantiles[:, step, low], quantiles[:, step, high])
        means = [f"{errors[name][:, step].mean():.4g}" for name in ("net", "persistence", "ar")]
        row = (f"{losses[step]:.4g}", f"{share:.1f} %", f"{statistic:.2f}", f"{p_value:.3f}")
        cells.append((str(step + 1), *means, *row))
    return Figure(
        "by-horizon",
        Kind.TABLE,
        f"The test part by steps ahead; errors in {facts['unit']}. Diebold–Mariano compares "
        "absolute errors of the net with those of persistence: a negative statistic favours the "
        "net, a small p-value says that chance does not explain it.",
        columns=(
            "steps ahead",
            "net, mean absolute error",
            "persistence",
            "autoregression",
            "net, pinball loss",
            "within the 90 % interval",
            "Diebold–Mariano",
            "p-value",
        ),
        cells=cells,
    )


def _coverage(data: Data, actual: Array, quantiles: Array) -> Figure:
    shares = 100 * (actual[..., None] <= quantiles).mean((0, 1))
    pairs = zip(data.facts["levels"], shares, strict=True)
    return Figure(
        "coverage",
        Kind.TABLE,
        "How often the value came out at or below each quantile; all origins and steps of the "
        "test part. Well calibrated quantiles repeat their level.",
        columns=("level", "at or below"),
        cells=[(f"{100 * level:g} %", f"{share:.1f} %") for level, share in pairs],
    )


def _training(data: Data, epochs: Array) -> Figure:
    origin = int(data.arrays("valid")["origin"][-1])
    horizon, centre = data.facts["horizon"], data.facts["levels"].index(0.5)
    ahead = list(range(1, horizon + 1))
    numbers = thinned(np.arange(1, len(epochs) + 1), 4)
    lines = [Line(f"epoch {n}", ahead, epochs[n - 1, :, centre].tolist()) for n in numbers]
    values = data.arrays("history")["values"][origin + 1 : origin + horizon + 1]
    observed = Line("observed", ahead, values.tolist(), points=True)
    caption = f"Medians from the last origin of the valid part, {_date(data, origin)}, by epoch."
    return Figure(
        "while-training", Kind.LINES, caption, columns=_axes(data), lines=(observed, *lines)
    )
