"""Backtest over every origin of a split, and what the report shows of it; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.forecaster import panel
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.drawing import Course, coverage, fans, training
from repertoire.kinds.panel.facts import Facts as PanelFacts
from repertoire.kinds.series.baselines import backtest, point_methods, strongest
from repertoire.kinds.series.facts import Facts as SeriesFacts
from repertoire.kinds.series.metrics import (
    covered,
    diebold_mariano,
    forecast_measurement,
    pinball,
    points_of,
)
from repertoire.kinds.series.steps import dates
from repertoire.runtime.inference.forecasts import quantiles_after


def forecasts(run: Run, data: Data[SeriesFacts], split: str) -> tuple[Array, Array]:
    """actual (origins, horizon) and quantiles (origins, horizon, levels), units of the series."""
    arrays = data.arrays(split)
    return arrays["future"], quantiles_after(run, arrays["past"]).astype(np.float64)


def evaluate(run: Run, config: Config, data: Data, split: str) -> tuple[Measurement, ...]:
    """Rolling origin: every origin of the split, all steps of the horizon.

    On the test split Diebold-Mariano compares absolute errors, averaged over the horizon, with
    those of the baseline that was the strongest on validation.
    """
    facts: SeriesFacts | PanelFacts = data.facts
    if facts["kind"] == "panel":
        return panel.evaluate(run, config, data, split)
    actual, quantiles = forecasts(run, data, split)
    point = points_of(quantiles, facts["levels"], config.point)
    found = forecast_measurement(actual, point, quantiles, facts)
    if split != "test":
        return (found,)
    values = data.arrays("history")["values"]
    rival = backtest(values, data.arrays(split)["origin"], strongest(values, facts)[1], facts)
    own, others = (np.abs(actual - points).mean(1) for points in (point, rival.points))
    statistic, p_value = diebold_mariano(own, others, found.block)
    return (found, Measurement(1, lambda _: {"dm_statistic": statistic, "dm_p_value": p_value}))


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """Quantiles (horizon, levels) at the last origin of the valid part."""
    if data.facts["kind"] == "panel":
        return panel.snapshot(run, data)
    past = data.arrays("valid")["past"][-1:]
    return {"quantiles": quantiles_after(run, past)[0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Fans at stated origins, errors by horizon, what the intervals cover, and training."""
    if data.facts["kind"] == "panel":
        return panel.illustrate(run, config, data, snapshots)
    actual, quantiles = forecasts(run, data, "test")
    course = _course(data)
    return (
        *fans(course, quantiles, data.arrays("test")["origin"]),
        *_by_horizon(data, actual, quantiles),
        coverage(actual, quantiles, data.facts["levels"]),
        training(course, snapshots["quantiles"], int(data.arrays("valid")["origin"][-1])),
    )


def _course(data: Data[SeriesFacts]) -> Course:
    facts, history = data.facts, data.arrays("history")
    return Course(
        history["values"],
        dates(history, facts),
        f"{facts['dataset'].replace('_', ' ')}, {facts['unit']}",
        facts["levels"],
        facts["lookback"],
    )


def _by_horizon(data: Data[SeriesFacts], actual: Array, quantiles: Array) -> tuple[Figure, Figure]:
    facts, values = data.facts, data.arrays("history")["values"]
    at, levels = data.arrays("test")["origin"], facts["levels"]
    points = {"net": quantiles[..., levels.index(0.5)]}
    for name, method in point_methods(values, facts).items():
        points[name] = backtest(values, at, method, facts).points
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
        columns=("steps ahead", f"mean absolute error, {facts['unit']}"),
        lines=lines,
    )
    return chart, _table(facts, actual, quantiles, errors, strongest(values, facts)[0])


def _table(
    facts: SeriesFacts, actual: Array, quantiles: Array, errors: dict[str, Array], rival: str
) -> Figure:
    levels, named = facts["levels"], rival.replace("_", " ")
    low, high = levels.index(0.05), levels.index(0.95)
    losses = pinball(actual, quantiles, levels).mean(0)
    cells = []
    for step in range(facts["horizon"]):
        own, other = errors["net"][:, step], errors[rival][:, step]
        statistic, p_value = diebold_mariano(own, other, -(-(step + 1) // facts.get("stride", 1)))
        share = covered(actual[:, step], quantiles[:, step, low], quantiles[:, step, high])
        means = [f"{errors[name][:, step].mean():.4g}" for name in ("net", "persistence", rival)]
        row = (f"{losses[step]:.4g}", f"{share:.1f} %", f"{statistic:.2f}", f"{p_value:.3f}")
        cells.append((str(step + 1), *means, *row))
    return Figure(
        "by-horizon",
        Kind.TABLE,
        f"The test part by steps ahead; errors in {facts['unit']}. Diebold–Mariano compares "
        f"absolute errors of the net with those of the strongest baseline on validation ({named}): "
        "a negative statistic favours the net, a small p-value says that chance does not explain "
        "it.",
        columns=(
            "steps ahead",
            "net, mean absolute error",
            "persistence",
            named,
            "net, pinball loss",
            "within the 90 % interval",
            "Diebold–Mariano",
            "p-value",
        ),
        cells=cells,
    )
