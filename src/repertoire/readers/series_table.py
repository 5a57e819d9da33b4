"""One series in anybody's table, or several: CSV, TSV, JSON Lines or Parquet with times and values.

Long tables (``unique_id, ds, y``, as Nixtla's libraries have them), wide ones (a column a
series), and any two columns of times and values. Several series become a panel
(``repertoire.readers.panel_table``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Natural, Share, parse
from repertoire.data.dataset import Encoded
from repertoire.data.doors import BadRowRule, BadRows, Proposal
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.series.encoding import check_levels
from repertoire.kinds.series.encoding import encode as encode_course
from repertoire.kinds.series.proposals import persistence_of, seasonal_differences
from repertoire.readers import panel_table
from repertoire.readers.helpers.series import proposal as series_proposal
from repertoire.readers.helpers.series.courses import Course, course_of
from repertoire.readers.helpers.series.files import SeriesTable
from repertoire.readers.helpers.series.look import cut, look, parts
from repertoire.readers.helpers.series.rows import calendar, described, in_time, shared_facts

KIND = "series"
OPTIONS: Mapping[str, str] = series_proposal.OPTIONS


@dataclass(frozen=True)
class Config:
    """``table`` says where times and values stand; ``series`` whose rows count, of a long table.

    ``scale`` is the one that models work on. ``low`` and ``high`` bound what is admissible here and
    in requests. ``season`` (1 for none), ``lookback``, ``horizon`` and ``longest`` (the last steps
    that are used) count steps. Forecasts start from the mean of ``seasonal_lags`` earlier seasons;
    0: from the last value, or the mean of all. ``largest_order`` bounds the autoregression among
    the baselines. Each ``stride``-th origin of the held-out parts is forecast from.
    """

    table: SeriesTable
    series: tuple[str, ...]
    unit: str
    scale: Literal["linear", "root", "log"]
    low: float
    high: float
    season: Count
    seasonal_lags: Natural
    lookback: Count
    horizon: Count
    levels: tuple[Share, ...]
    largest_order: Count
    stride: Count
    longest: Count
    valid_share: Share
    test_share: Share
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a step, in the order of time."""
    bad = BadRows(config.bad_rows)
    found = course_of(files["raw"], config.table, config.series, bad)
    return bad.checked(tabulated(config, cut(found, config.longest)))


def tabulated(config: Config, found: Course) -> pd.DataFrame:
    """The table of a course. Raises SourceError and ConfigError for what cannot be forecast."""
    check_levels(config.levels)
    if len(found.names) > 1:
        raise ConfigError(f"{len(found.names)} series; the reader panel_table takes several")
    if np.isnan(found.values).any():
        raise ConfigError("gaps: leave goes with several series; interpolate or skip them")
    if (config.scale == "log" and config.low <= 0) or (config.scale == "root" and config.low < 0):
        raise ConfigError(f"low {config.low:g} has no {config.scale}; raise it or change the scale")
    told = parts(found, config.valid_share, config.test_share)
    table = described(found, told)
    table["value"] = found.values[:, 0]
    if table.loc[table["split"] == "train", "value"].nunique() < 2:
        raise SourceError("the value never changes in the training part; nothing to forecast")
    return table


def expectations(config: Config) -> list[Expectation]:
    """Time runs forward, parts follow one another, values are in range and change."""
    return [
        *in_time(),
        expect(
            f"values lie within {config.low:g} and {config.high:g}",
            "ExpectColumnValuesToBeBetween",
            column="value",
            min_value=config.low,
            max_value=config.high,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.series.encoding`` has it, and how persistent the series is."""
    encoded = encode_course(config, table, config.stride, calendar(config.table))
    train = encoded.arrays["train"]["values"]
    encoded.facts.update(
        **shared_facts(table, config.stride, config.table),
        persistence=persistence_of(train, config.scale, config.season),
        seasonal_lags=config.seasonal_lags,
    )
    if config.seasonal_lags:
        known = config.seasonal_lags * config.season + 1
        apart = seasonal_differences(train, config.scale, config.season, config.seasonal_lags)
        encoded.facts["seasonal_deviation"] = float(apart.std())
        encoded.encodings["series"]["least"] = known
    return encoded


def propose(raw: Path, options: Mapping[str, str]) -> Proposal:
    """A series, or a panel where the table holds several."""
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise ConfigError(f"--{unknown[0]}: unknown; there are: {', '.join(OPTIONS)}")
    seen = look(raw, options)
    if len(seen.course.names) > 1:
        block = series_proposal.of_panel(seen, options)
        panel = parse(panel_table.Config, block.config, "proposal")
        return Proposal(
            "panel_table",
            block.config,
            block.baseline,
            [*seen.facts, *block.facts],
            panel_table.tabulated(panel, seen.course),
            round(seen.whole * len(seen.course.times)),
        )
    if not seen.table.id:  # others beside it may have been left out
        seen.table, seen.names = replace(seen.table, value=seen.course.names[0]), []
    block = series_proposal.of_series(seen, options)
    config = parse(Config, block.config, "proposal")
    return Proposal(
        "series_table",
        block.config,
        block.baseline,
        [*seen.facts, *block.facts],
        tabulated(config, seen.course),
        round(seen.whole * len(seen.course.times)),
    )
