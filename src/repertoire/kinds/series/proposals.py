"""What a series is forecast by, proposed from its step and its values: season, horizon, scale."""

from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array
from repertoire.kinds.series.scales import scaled
from repertoire.kinds.series.steps import DAY, Step

LEAST = 50  # values of a series: three parts, each with some origins
REPEATS = 3  # of a season in the training part, or it is not one
LONGEST_SEASON = 300  # steps; a recurrent net reads two of them
LONGEST_LOOKBACK = 336
WINDOWS = 16  # of the training part, at least
LEVELS = [0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.95]
PENALTIES = [1.0, 10.0, 100.0, 1000.0, 10000.0]  # of the ridge beside several series
PANEL_LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
CLEAR = 0.9  # of the linear scale's unevenness: what another scale must come down to
PERSISTENT = 0.75  # see ``persistence_of``
SEASONAL = 0.8  # change over a season, in those within it, below which the season is modelled
SEASONAL_LAGS = 3  # seasons whose mean is a forecast to start from
SHORT_YEAR = 52  # weeks


@dataclass(frozen=True)
class Sizes:
    """All in steps."""

    season: int
    horizon: int
    lookback: int


def seasons(step: Step) -> list[tuple[int, str]]:
    """Usual seasons in steps, the longest first, and what each is (a year, a day, …)."""
    if step.unit == "month":
        return [(int(12 // step.count), "a year")] if 12 % step.count == 0 else []
    if step.unit == "business_day":
        return [(5, "a week of business days")]
    if step.unit == "number":
        return []
    found = []
    for size, name in ((7 * DAY, "a week"), (DAY, "a day"), (3600, "an hour"), (60, "a minute")):
        # Of hours the day is the season that others are measured by; of days it is the week.
        if size == 7 * DAY and step.count < DAY:
            continue
        if size % step.count == 0:
            found.append((int(size // step.count), name))
    if step.count == 7 * DAY:
        found.insert(0, (SHORT_YEAR, "a year"))
    return found


def proposed_season(step: Step, train: int) -> tuple[int, str]:
    """The longest usual season that the training part holds often enough, and why; 1 for none."""
    usual = [(s, name) for s, name in seasons(step) if 1 < s <= LONGEST_SEASON]
    for season, name in usual:
        if season * REPEATS <= train:
            return season, f"{season} steps ({name})"
    if usual:
        season, name = usual[0]
        return 1, f"none: {name} ({season} steps) is not {REPEATS} times in {train:,} steps"
    return 1, "none is usual for this step; --season names one"


def usual_horizon(step: Step, season: int) -> int:
    """A season, or what forecasting competitions ask for (M4: Makridakis et al. 2020)."""
    if step.unit == "second" and step.count == DAY:
        return 14
    if step.unit == "second" and step.count == 7 * DAY:
        return 13
    if step.unit == "business_day":
        return 10
    if step.unit == "month" and step.count >= 12:
        return 6
    return season if season > 1 else 12


def proposed_sizes(
    season: int, horizon: int, train: int, lookback: int | None, seasons: int
) -> Sizes:
    """So many seasons, or two horizons, to look back on, as far as the training part allows."""
    wanted = lookback or min(LONGEST_LOOKBACK, max(seasons * season, 2 * horizon, 8))
    most = train - horizon - WINDOWS
    return Sizes(season, horizon, wanted if lookback else max(2, min(wanted, train // 3, most)))


def proposed_scale(train: Array, season: int) -> tuple[str, str]:
    """The scale on which the spread is most even over time, and why.

    Guerrero 1993, "Time-series analysis supported by power transformations": of blocks of a season
    (of at least eight values) the deviation over mean^(1 - power) must vary least. A scale that is
    not clearly better than the linear one is not taken.
    """
    low = float(train.min())
    if low < 0:
        return "linear", "values below zero have neither root nor logarithm"
    width = max(season, 8)
    blocks = train[len(train) % width :].reshape(-1, width)
    means, spreads = blocks.mean(1), blocks.std(1)
    kept = (means > 0) & (spreads > 0)
    if kept.sum() < 4:
        return "linear", "too few blocks of time to compare scales"
    uneven = {}
    for name, power in (("linear", 1.0), ("root", 0.5), ("log", 0.0)):
        ratio = spreads[kept] / means[kept] ** (1 - power)
        uneven[name] = float(ratio.std() / ratio.mean())
    if low == 0:
        del uneven["log"]
    best = min(uneven, key=lambda name: uneven[name])
    if uneven[best] > CLEAR * uneven["linear"]:
        return "linear", "the spread is about as even over time as on other scales" + (
            "; zeros have no logarithm" if low == 0 else ""
        )
    said = {"root": "spread grows like the root of the level", "log": "spread grows with the level"}
    return best, said[best] + ("; zeros have no logarithm" if low == 0 else "")


def proposed_range(values: Array, scale: str) -> tuple[float, float]:
    """Bounds of what is admissible, far outside of what was seen, in round numbers."""
    low, high = float(values.min()), float(values.max())
    if scale == "log":
        return _rounded(low / 100), _rounded(high * 100)
    span = max(high - low, 1e-9 * max(abs(low), abs(high)))
    top = _rounded(high + 10 * span)
    if scale == "root":
        return 0.0, top
    return (0.0 if low == 0 else _rounded(low - 10 * span)), top


def _rounded(value: float) -> float:
    """To two digits, away from what was seen or not at all."""
    return float(f"{value:.2g}")


def seasonality_of(train: Array, scale: str, season: int) -> float:
    """Deviation of changes over a season, in those over fewer steps: near 0 if all is season.

    A steady trend moves neither.
    """
    values = scaled(train, scale)
    lags = np.unique(np.linspace(1, season - 1, min(season - 1, 24)).round().astype(int))
    within = np.mean([(values[lag:] - values[:-lag]).std() for lag in lags])
    return float((values[season:] - values[:-season]).std() / within)


def seasonal_differences(train: Array, scale: str, season: int, lags: int) -> Array:
    """Each value less the mean of those one to ``lags`` seasons before, on the scale."""
    values = scaled(train, scale)
    start = lags * season
    earlier = [values[start - lag * season : -lag * season] for lag in range(1, lags + 1)]
    return values[start:] - np.mean(earlier, axis=0)


def persistence_of(train: Array, scale: str, season: int) -> float:
    """How slowly a series returns to its seasonal means: near 0 if never, near 1 if at once.

    The deviation of changes over a season, in deviations from seasonal means times 2^½. Below
    ``PERSISTENT`` the last value says more about what comes than the mean of all.
    """
    values = scaled(train, scale)
    places = np.arange(len(values)) % season
    means = np.array([values[place::season].mean() for place in range(season)])
    apart = values - means[places]
    changes = apart[season:] - apart[:-season]
    spread = apart.std()
    return float(changes.std() / (np.sqrt(2) * spread)) if spread > 0 else 1.0
