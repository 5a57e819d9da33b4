"""Backtest of series side by side over every origin of a split; numpy alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from repertoire.baselines.panel import naive_forecasts, standardised
from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Run
from repertoire.data.series import futures, pasts
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.drawing import Course, coverage, fans, training
from repertoire.metrics.series import covered, diebold_mariano, pinball, point_errors, points_of

CHUNK = 256  # origins in a call
ROWS = 12  # of the example that a reader may send


def forecasts(run: Run, data: Data, split: str) -> tuple[Array, Array]:
    """actual (origins, horizon, series) and quantiles (origins, horizon, series, levels), units."""
    values, facts = data.arrays("history")["values"], data.facts
    at = data.arrays(split)["origin"]
    found = []
    for start in range(0, len(at), CHUNK):
        past = pasts(values, at[start : start + CHUNK], facts["lookback"]).astype(np.float32)
        found.append(run("forecast", series=past)["quantiles"])
    return futures(values, at, facts["horizon"]), np.concatenate(found)


def deviations(actual: Array, quantiles: Array, facts: Mapping[str, Any]) -> tuple[Array, Array]:
    """The same, standardised by the training part."""
    each = np.moveaxis(quantiles, -1, 0).astype(np.float64)
    return standardised(actual, facts), np.moveaxis(standardised(each, facts), 0, -1)


def evaluate(run: Run, config: Config, data: Data, split: str) -> dict[str, float]:
    """Every origin of the split, all steps and series, in deviations of the training part.

    Diebold-Mariano compares squared errors with those of persistence, averaged over the horizon
    and the series.
    """
    facts = data.facts
    actual, quantiles = deviations(*forecasts(run, data, split), facts)
    point = points_of(quantiles, facts["levels"], config.point)
    low, high = (quantiles[..., facts["levels"].index(level)] for level in (0.05, 0.95))
    last = _naive(data, split)["persistence"]
    own, others = (((actual - points) ** 2).mean((1, 2)) for points in (point, last))
    statistic, p_value = diebold_mariano(own, others, facts["horizon"] - 1)
    return {
        **point_errors(actual, point),
        "pinball_loss": float(pinball(actual, quantiles, facts["levels"]).mean()),
        "coverage_90_percent": covered(actual, low, high),
        "dm_statistic": statistic,
        "dm_p_value": p_value,
    }


def _naive(data: Data, split: str) -> dict[str, Array]:
    """Points (origins, horizon, series) of the naive forecasts, standardised."""
    facts, at = data.facts, data.arrays(split)["origin"]
    values = standardised(data.arrays("history")["values"], facts)
    return {n: f(values, at, facts["horizon"]) for n, f in naive_forecasts(facts).items()}


def snapshot(run: Run, data: Data) -> Arrays:
    """Quantiles (horizon, series, levels) at the last origin of the valid part."""
    values, at = data.arrays("history")["values"], data.arrays("valid")["origin"][-1:]
    past = pasts(values, at, data.facts["lookback"]).astype(np.float32)
    return {"quantiles": run("forecast", series=past)["quantiles"][0]}


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """Fans of the last series, errors by series and by horizon, coverage, and training."""
    actual, quantiles = forecasts(run, data, "test")
    history, facts = data.arrays("history"), data.facts
    true, scaled = deviations(actual, quantiles, facts)
    point = points_of(scaled, facts["levels"], config.point)
    course = Course(
        history["values"][:, -1],
        history["hour"].astype("datetime64[h]"),
        f"{facts['series'][-1]} ({facts['unit']})",
        facts["levels"],
        facts["lookback"],
    )
    return (
        *fans(course, quantiles[:, :, -1], data.arrays("test")["origin"]),
        _by_horizon(data, true, point),
        _by_series(data, true, point, scaled),
        coverage(actual, quantiles, facts["levels"]),
        training(course, snapshots["quantiles"][:, :, -1], int(data.arrays("valid")["origin"][-1])),
        _example(data),
    )


def _by_horizon(data: Data, actual: Array, point: Array) -> Figure:
    points = {"net": point, **_naive(data, "test")}
    steps = list(range(1, data.facts["horizon"] + 1))
    lines = [
        Line(name.replace("_", " "), steps, ((actual - found) ** 2).mean((0, 2)).tolist())
        for name, found in points.items()
    ]
    return Figure(
        "error-by-horizon",
        Kind.LINES,
        "Squared error of the net and of what repeats the past by steps ahead, the mean over all "
        f"{len(actual)} origins of the test part and all series.",
        columns=("steps ahead", "mean squared error, deviations²"),
        lines=lines,
    )


def _by_series(data: Data, actual: Array, point: Array, quantiles: Array) -> Figure:
    facts, last = data.facts, _naive(data, "test")["persistence"]
    low, high = facts["levels"].index(0.05), facts["levels"].index(0.95)
    cells = []
    for place, name in enumerate(facts["series"]):
        true, guess, repeated = (each[..., place] for each in (actual, point, last))
        errors = point_errors(true, guess)
        own, others = (((true - points) ** 2).mean(1) for points in (guess, repeated))
        statistic, p_value = diebold_mariano(own, others, facts["horizon"] - 1)
        share = covered(true, quantiles[:, :, place, low], quantiles[:, :, place, high])
        found = (errors["mse"], errors["mae"], others.mean())
        dm = (f"{share:.1f} %", f"{statistic:.2f}", f"{p_value:.3f}")
        cells.append((name, *(f"{value:.4f}" for value in found), *dm))
    return Figure(
        "by-series",
        Kind.TABLE,
        "The test part by series, in deviations of the training part. Diebold–Mariano compares "
        "squared errors with those of persistence: a negative statistic favours the net, a small "
        "p-value says that chance does not explain it.",
        columns=(
            "series",
            "net, mean squared error",
            "mean absolute error",
            "persistence, mean squared error",
            "within the 90 % interval",
            "Diebold–Mariano",
            "p-value",
        ),
        cells=cells,
    )


def _example(data: Data) -> Figure:
    rows = data.facts["example"][-ROWS:]
    return Figure(
        "example",
        Kind.TABLE,
        f"The last {len(rows)} rows before the test part, as a request holds them.",
        columns=data.facts["series"],
        cells=rows,
    )
