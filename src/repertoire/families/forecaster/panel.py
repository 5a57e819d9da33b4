"""Backtest of series side by side over every origin of a split; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.forecaster.config import Config
from repertoire.families.forecaster.drawing import Course, coverage, fans, training
from repertoire.kinds.panel.baselines import point_forecasts, standardised
from repertoire.kinds.panel.facts import Facts
from repertoire.kinds.series.metrics import (
    covered,
    diebold_mariano,
    origin_means,
    overlapping,
    panel_measurement,
    pinball,
    point_errors,
    points_of,
)
from repertoire.kinds.series.scales import futures, pasts
from repertoire.kinds.series.steps import dates
from repertoire.runtime.inference.forecasts import quantiles_after

CHUNK = 256  # origins in a call
ROWS, FEW_ROWS = 12, 2  # of the example that a reader may send, and of many series
SHOWN = 24  # series in a table at most


def forecasts(run: Run, data: Data[Facts], split: str) -> tuple[Array, Array]:
    """actual (origins, horizon, series) and quantiles (origins, horizon, series, levels), units."""
    values, facts = data.arrays("history")["values"], data.facts
    at = data.arrays(split)["origin"]
    found = []
    for start in range(0, len(at), CHUNK):
        past = pasts(values, at[start : start + CHUNK], facts["lookback"]).astype(np.float32)
        found.append(quantiles_after(run, past))
    return futures(values, at, facts["horizon"]), np.concatenate(found)


def deviations(actual: Array, quantiles: Array, facts: Facts) -> tuple[Array, Array]:
    """The same, standardised by the training part."""
    each = np.moveaxis(quantiles, -1, 0).astype(np.float64)
    return standardised(actual, facts), np.moveaxis(standardised(each, facts), 0, -1)


def counted(data: Data[Facts], split: str) -> Array | None:
    """Which of the actual values are known (origins, horizon, series); None where all are."""
    known = data.arrays("history").get("known")
    if known is None:
        return None
    return futures(known > 0, data.arrays(split)["origin"], data.facts["horizon"])


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Every origin of the split, all steps and series, in deviations of the training part.

    On the test split Diebold-Mariano compares squared errors, averaged over the horizon and the
    series, with those of the baseline that was the strongest on validation.
    """
    facts = data.facts
    actual, quantiles = deviations(*forecasts(run, data, split), facts)
    point = points_of(quantiles, facts["levels"], config.point)
    low, high = (quantiles[..., facts["levels"].index(level)] for level in (0.05, 0.95))
    known = counted(data, split)
    means = {
        "mse": origin_means((actual - point) ** 2, known),
        "mae": origin_means(np.abs(actual - point), known),
        "pinball_loss": origin_means(pinball(actual, quantiles, facts["levels"]), known),
        "coverage_90_percent": 100 * origin_means((actual >= low) & (actual <= high), known),
    }
    found = panel_measurement(means, known, facts)
    if split != "test":
        return (found,)
    rival = (actual - _points(config, data, split)[_rival(config, data)]) ** 2
    statistic, p_value = diebold_mariano(means["mse"], origin_means(rival, known), found.block)
    return (found, Measurement(1, lambda _: {"dm_statistic": statistic, "dm_p_value": p_value}))


def _points(config: Config, data: Data[Facts], split: str) -> dict[str, Array]:
    """Points (origins, horizon, series) of the forecasts without nets, standardised."""
    facts, at = data.facts, data.arrays(split)["origin"]
    values = standardised(data.arrays("history")["values"], facts)
    found = point_forecasts(config.penalties, values, facts, _known(data))[0]
    return {name: forecast(values, at, facts["horizon"]) for name, forecast in found.items()}


def _known(data: Data[Facts]) -> Array | None:
    known = data.arrays("history").get("known")
    return None if known is None else known > 0


def _rival(config: Config, data: Data[Facts]) -> str:
    """The one with the least squared error on validation."""
    values = standardised(data.arrays("history")["values"], data.facts)
    actual = futures(values, data.arrays("valid")["origin"], data.facts["horizon"])
    points, known = _points(config, data, "valid"), counted(data, "valid")
    return min(points, key=lambda name: point_errors(actual, points[name], known)["mse"])


def snapshot(run: Run, data: Data[Facts]) -> Arrays:
    """Quantiles (horizon, series, levels) at the last origin of the valid part."""
    values, at = data.arrays("history")["values"], data.arrays("valid")["origin"][-1:]
    past = pasts(values, at, data.facts["lookback"]).astype(np.float32)
    return {"quantiles": quantiles_after(run, past)[0]}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """Fans of the last series, errors by series and by horizon, coverage, and training."""
    actual, quantiles = forecasts(run, data, "test")
    history, facts = data.arrays("history"), data.facts
    true, scaled = deviations(actual, quantiles, facts)
    known = counted(data, "test")
    if known is not None:  # what is not known is drawn and counted nowhere
        true = np.where(known, true, np.nan)
    point = points_of(scaled, facts["levels"], config.point)
    course = Course(
        history["values"][:, -1],
        dates(history, facts),
        f"{facts['series'][-1]} ({facts['unit']})",
        facts["levels"],
        facts["lookback"],
    )
    return (
        *fans(course, quantiles[:, :, -1], data.arrays("test")["origin"]),
        _by_horizon(config, data, true, point),
        _by_series(config, data, true, (point, scaled)),
        coverage(actual, quantiles, facts["levels"], known),
        training(course, snapshots["quantiles"][:, :, -1], int(data.arrays("valid")["origin"][-1])),
        _example(data),
    )


def _by_horizon(config: Config, data: Data[Facts], actual: Array, point: Array) -> Figure:
    points = {"net": point, **_points(config, data, "test")}
    steps = list(range(1, data.facts["horizon"] + 1))
    lines = [
        Line(name.replace("_", " "), steps, np.nanmean((actual - found) ** 2, (0, 2)).tolist())
        for name, found in points.items()
    ]
    return Figure(
        "error-by-horizon",
        Kind.LINES,
        "Squared error of the net and of each baseline by steps ahead, the mean over all "
        f"{len(actual)} origins of the test part and all series.",
        columns=("steps ahead", "mean squared error, deviations²"),
        lines=lines,
    )


def _by_series(
    config: Config, data: Data[Facts], actual: Array, forecast: tuple[Array, Array]
) -> Figure:
    facts, (point, quantiles) = data.facts, forecast
    rival = _rival(config, data)
    rivals, named = _points(config, data, "test")[rival], rival.replace("_", " ")
    low, high = facts["levels"].index(0.05), facts["levels"].index(0.95)
    names = facts["series"]
    with np.errstate(invalid="ignore"):
        counts = (~np.isnan(actual)).sum((0, 1))
        mse = np.nansum((actual - point) ** 2, (0, 1)) / counts
    order = range(len(names)) if len(names) <= SHOWN else _extremes(mse)
    cells = []
    for place in order:
        rows = ~np.isnan(actual[..., place]).all(1)  # origins of which something is known
        true, guess, other = (each[rows][..., place] for each in (actual, point, rivals))
        if len(true) < 2:
            cells.append((names[place], *["–"] * 6))
            continue
        known = ~np.isnan(true)
        own, others = (np.nanmean((true - points) ** 2, 1) for points in (guess, other))
        statistic, p_value = diebold_mariano(own, others, overlapping(facts))
        bounds = (quantiles[rows][:, :, place, level][known] for level in (low, high))
        share = covered(true[known], *bounds)
        found = (mse[place], np.nanmean(np.abs(true - guess)), np.nanmean((true - other) ** 2))
        dm = (f"{share:.1f} %", f"{statistic:.2f}", f"{p_value:.3f}")
        cells.append((names[place], *(f"{value:.4f}" for value in found), *dm))
    which = "" if len(cells) == len(names) else f" The {SHOWN // 2} with least and with most error."
    return Figure(
        "by-series",
        Kind.TABLE,
        "The test part by series, in deviations of the training part. Diebold–Mariano compares "
        f"squared errors with those of the strongest baseline on validation ({named}): a negative "
        "statistic favours the net, a small p-value says that chance does not explain it." + which,
        columns=(
            "series",
            "net, mean squared error",
            "mean absolute error",
            f"{named}, mean squared error",
            "within the 90 % interval",
            "Diebold–Mariano",
            "p-value",
        ),
        cells=cells,
    )


def _extremes(errors: Array) -> list[int]:
    """Numbers of the series with the least and the largest errors."""
    order = np.argsort(errors)[: int(np.isfinite(errors).sum())]
    return [int(place) for place in (*order[: SHOWN // 2], *order[-SHOWN // 2 :])]


def _example(data: Data[Facts]) -> Figure:
    rows = data.facts["example"][-ROWS if len(data.facts["series"]) <= SHOWN else -FEW_ROWS :]
    return Figure(
        "example",
        Kind.TABLE,
        f"The last {len(rows)} rows before the test part, as a request holds them.",
        columns=data.facts["series"],
        cells=rows,
    )
