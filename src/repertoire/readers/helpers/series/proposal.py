"""Complete settings for the series that a table was found to hold, and why they are these."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from repertoire.config import ConfigError
from repertoire.contract import Array
from repertoire.data.doors import Fact
from repertoire.data.sources import SourceError
from repertoire.kinds.series.proposals import (
    LEAST,
    LEVELS,
    LONGEST_LOOKBACK,
    PANEL_LEVELS,
    PENALTIES,
    SEASONAL,
    SEASONAL_LAGS,
    WINDOWS,
    Sizes,
    proposed_range,
    proposed_scale,
    proposed_season,
    proposed_sizes,
    seasonality_of,
    usual_horizon,
)
from repertoire.kinds.series.steps import Step
from repertoire.readers.helpers.series import look as series_look
from repertoire.readers.helpers.series.look import (
    LARGEST_TABLE,
    LONGEST,
    Looked,
    cut,
    parts,
    share,
    split_fact,
    whole,
)

SCALES = ("linear", "root", "log")
SHARES = ((200, 0.2), (np.inf, 0.15))  # of shorter courses a part must hold more of them
ORIGINS = 2000  # of a held-out part that are forecast from
CELLS = 20_000_000  # numbers that the pasts of a panel's origins hold
SEASONS = {False: 2, True: 4}  # of one series, and of several, which are read by segments
MANY = 50  # series from which on the linear baseline looks back on less
RIDGE_LOOKBACK = {False: 336, True: 96}
DECAY = 0.94  # RiskMetrics (1996)
LARGEST_ORDER = 22

OPTIONS = {
    **series_look.OPTIONS,
    "horizon": "steps to forecast",
    "season": "steps of a season, 1 for none",
    "lookback": "steps that the net sees",
    "scale": "scale of one series: linear, root, log",
    "unit": "unit of the values, for the report",
    "valid-share": "share of the steps for validation, before the test part",
    "test-share": "share of the steps for the test, the last ones",
}


@dataclass(frozen=True)
class Block:
    """Plain values for params.yaml, and the facts behind them."""

    config: dict[str, Any]
    baseline: dict[str, Any]
    facts: list[Fact]


def of_series(seen: Looked, options: Mapping[str, str]) -> Block:
    """A complete config of ``repertoire.readers.series_table``, and of the baselines."""
    base, sizes, facts = _shared(seen, options)
    told = parts(seen.course, base["valid_share"], base["test_share"])
    values = seen.course.values[:, 0]
    train = values[told == "train"]
    scale, why = proposed_scale(train, sizes.season)
    if "scale" in options:
        scale, why = _asked_scale(options["scale"], values), "as asked"
    elif (scale != "linear" and values.min() < 0) or (scale == "log" and values.min() <= 0):
        scale, why = "linear", "values at or below zero come after the training part"
    low, high = proposed_range(values, scale)
    lags, lookback, told_of = _seasonal_lags(train, scale, sizes, options)
    facts += [Fact("scale", f"{scale}: {why}"), _range_fact(values, low, high)]
    facts.append(Fact("start", told_of))
    config = {
        **base,
        "scale": scale,
        "low": low,
        "high": high,
        "levels": LEVELS,
        "seasonal_lags": lags,
        "lookback": lookback,
        "largest_order": min(LARGEST_ORDER, max(1, len(train) // 3)),
    }
    return Block(config, {"decay": DECAY}, facts)


def _seasonal_lags(
    train: Array, scale: str, sizes: Sizes, options: Mapping[str, str]
) -> tuple[int, int, str]:
    """How many earlier seasons a forecast starts from, the look-back that this needs, and why."""
    season, horizon = sizes.season, sizes.horizon
    plain = "forecasts start from the last value, or from the mean of all"
    if season == 1:
        return 0, sizes.lookback, f"{plain}; look-back: {sizes.lookback} steps"
    ratio = seasonality_of(train, scale, season)
    said = f"changes over a season deviate {ratio:.2g} times as much as those within one"
    if ratio > SEASONAL:
        return 0, sizes.lookback, f"{plain}: {said}; look-back: {sizes.lookback} steps"
    room = (len(train) - horizon - WINDOWS) // 2 // season
    lags = max(1, min(SEASONAL_LAGS, room - 1, LONGEST_LOOKBACK // season - 1))
    lookback = (lags + 1) * season
    if "lookback" in options:
        lookback, lags = sizes.lookback, min(lags, (sizes.lookback - 1) // season)
    if lags < 1 or lookback + horizon >= len(train):
        return 0, sizes.lookback, f"{plain}: {said}, but few are known"
    of = "the season before" if lags == 1 else f"the mean of {lags} seasons before"
    return lags, lookback, f"forecasts start from {of}: {said}; look-back: {lookback} steps"


def of_panel(seen: Looked, options: Mapping[str, str]) -> Block:
    """A complete config of ``repertoire.readers.panel_table``, and of the baselines."""
    if "scale" in options:
        raise ConfigError("--scale: goes with one series; several are measured in deviations")
    base, sizes, facts = _shared(seen, options)
    low, high = proposed_range(seen.course.values[~np.isnan(seen.course.values)], "linear")
    facts.append(Fact("start", f"from the last value; look-back: {sizes.lookback} steps"))
    facts.append(Fact("scale", "linear, each series in deviations of its training part"))
    facts.append(_range_fact(seen.course.values, low, high))
    longest = RIDGE_LOOKBACK[len(seen.course.names) > MANY]
    config = {
        **base,
        "low": low,
        "high": high,
        "ridge_lookback": min(sizes.lookback, longest),
        "levels": PANEL_LEVELS,
    }
    return Block(config, {"penalties": PENALTIES}, facts)


def _shared(seen: Looked, options: Mapping[str, str]) -> tuple[dict[str, Any], Sizes, list[Fact]]:
    """What the configs of both readers say; the course is cut to what is used."""
    width = len(seen.course.names)
    longest = min(LONGEST, LARGEST_TABLE // width)
    told_before = len(seen.course.facts)
    seen.course = course = cut(seen.course, longest)
    facts = course.facts[told_before:]
    count = len(course.values)
    if count < LEAST:
        raise SourceError(
            f"{count} values in a regular course: at least {LEAST} are needed to train on some and "
            "test on others"
        )
    usual = next(part for most, part in SHARES if count < most)
    shares = {name: share(options, f"{name}-share", usual) for name in ("valid", "test")}
    told = parts(course, shares["valid"], shares["test"])
    facts.append(split_fact(course, told))
    counts = {split: int((told == split).sum()) for split in ("train", "valid", "test")}
    sizes, said = _sizes(course.step, counts, options, width)
    held = max(counts["valid"], counts["test"])
    cells = (sizes.lookback + sizes.horizon) * width
    origins = max(2 * sizes.horizon + 2, min(ORIGINS, CELLS // cells))
    stride = -(-held // origins)
    if stride > 1:
        said += f"; each {stride}. origin of the held-out parts is forecast from"
    facts.append(Fact("season and horizon", said))
    unit = options.get("unit", seen.table.value if width == 1 else "units of each series")
    config = {
        "table": {**_plain(asdict(seen.table))},
        "series": list(seen.names),
        "unit": unit,
        "season": sizes.season,
        "lookback": sizes.lookback,
        "horizon": sizes.horizon,
        "stride": stride,
        "longest": longest,
        "valid_share": shares["valid"],
        "test_share": shares["test"],
        "bad_rows": asdict(seen.rule),
    }
    return config, sizes, facts


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def _sizes(
    step: Step, counts: Mapping[str, int], options: Mapping[str, str], width: int
) -> tuple[Sizes, str]:
    season, why = proposed_season(step, counts["train"])
    if "season" in options:
        season = whole(options, "season", 1, least=1)
        why = f"{season} steps, as asked" if season > 1 else "none, as asked"
        if 2 * season > counts["train"]:
            raise ConfigError(
                f"--season {season}: the training part holds {counts['train']:,} steps, less than "
                "two seasons"
            )
    most = max(1, min(counts["valid"], counts["test"]) // 2)
    usual = usual_horizon(step, season)
    horizon = whole(options, "horizon", min(usual, most), least=1)
    if horizon > most:
        raise ConfigError(
            f"--horizon {horizon}: validation has {counts['valid']:,} steps, test "
            f"{counts['test']:,}, and two horizons must fit into each; say {most} at most, or "
            "enlarge them: --valid-share, --test-share"
        )
    lookback = whole(options, "lookback", 0, least=1) if "lookback" in options else None
    sizes = proposed_sizes(season, horizon, counts["train"], lookback, SEASONS[width > 1])
    if width > 1 and lookback is None:
        sizes = _by_segments(sizes, counts["train"])
    if sizes.lookback + horizon > counts["train"]:
        raise ConfigError(
            f"--lookback {sizes.lookback}: with the horizon of {horizon} it is more than the "
            f"{counts['train']:,} steps of training"
        )
    short = f" (at most half of the smaller held-out part; {usual} is usual)"
    said = f"season: {why}; horizon: {horizon} steps"
    return sizes, said + (short if horizon < usual and "horizon" not in options else "")


def _by_segments(sizes: Sizes, train: int) -> Sizes:
    """A look-back of whole horizons, if there is room: the net over segments needs a divisor."""
    horizon = sizes.horizon
    wanted = -(-sizes.lookback // horizon) * horizon
    if wanted + horizon > train // 2:
        wanted = sizes.lookback // horizon * horizon
    return Sizes(sizes.season, horizon, wanted or sizes.lookback)


def _asked_scale(name: str, values: Array) -> str:
    if name not in SCALES:
        raise ConfigError(f"--scale: {name!r} is none of: {', '.join(SCALES)}")
    low = float(values.min())
    if (name == "log" and low <= 0) or (name == "root" and low < 0):
        raise ConfigError(f"--scale {name}: the least value is {low:g}, which has no {name}")
    return name


def _range_fact(values: Array, low: float, high: float) -> Fact:
    seen = f"{np.nanmin(values):.6g} to {np.nanmax(values):.6g}"
    return Fact("range", f"values from {seen}; a request may hold {low:g} to {high:g}")
