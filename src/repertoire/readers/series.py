"""One series in time: forecasting. Splits follow one another in time and are never shuffled.

Models see values on a stated scale (``kinds/series/scales.py``). All that they are normalised
by comes from the training part alone.
"""

import gzip
import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Share
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting, one_member
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.series.encoding import check_levels
from repertoire.kinds.series.encoding import encode as encode_course

KIND = "series"


@dataclass(frozen=True)
class Config:
    """``values`` names one column, or several that divide the year of a row evenly.

    ``valid_from`` and ``test_from`` are ISO dates. ``low`` and ``high`` bound what is admissible
    here and in requests, ``gap_days`` the days between two values. ``season`` is a number of
    values, 1 for none. ``largest_order`` bounds the autoregression among the baselines.
    """

    members: str
    time: str
    time_format: str
    values: tuple[str, ...]
    unit: str
    scale: Literal["linear", "root", "log"]
    low: float
    high: float
    gap_days: tuple[Count, ...]
    season: Count
    lookback: Count
    horizon: Count
    levels: tuple[Share, ...]
    largest_order: Count
    valid_from: str
    test_from: str


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a value, as the file orders them."""
    path = files["series"]
    _check(config)
    name, content = one_member(path, config.members)
    with expecting(path, f"a table in {name} as time, time_format and values say"):
        text = gzip.decompress(content) if name.endswith(".gz") else content
        table = pd.read_csv(io.BytesIO(text), dtype=str)
        dates = pd.to_datetime(table[config.time], format=config.time_format)
        columns = [table[column].astype(float) for column in config.values]
    months = 12 // len(columns)
    parts = [dates + pd.DateOffset(months=months * n) for n in range(len(columns))]
    times = np.stack([part.to_numpy() for part in parts], axis=1).ravel()
    values = np.stack([column.to_numpy() for column in columns], axis=1).ravel()
    return _split(config, pd.Series(times), values)


def _check(config: Config) -> None:
    check_levels(config.levels)
    if 12 % len(config.values):
        raise ConfigError(f"{len(config.values)} columns of values do not divide a year evenly")
    if (config.scale == "log" and config.low <= 0) or (config.scale == "root" and config.low < 0):
        raise ConfigError(f"low {config.low:g} has no {config.scale}; raise it or change the scale")


def _split(config: Config, times: "pd.Series[Any]", values: Array) -> pd.DataFrame:
    table = pd.DataFrame({"time": times.dt.strftime("%Y-%m-%d"), "value": values})
    held = np.where(table["time"] >= config.test_from, 2, table["time"] >= config.valid_from)
    table["place"] = held.astype(int)
    table["split"] = [SPLITS[place] for place in table["place"]]
    table["day"] = (times - pd.Timestamp("1970-01-01")).dt.days
    table["gap_days"] = table["day"].diff().bfill()
    table["key"] = table["time"]
    return table


def expectations(config: Config) -> list[Expectation]:
    """Time runs forward without holes, splits follow one another, values are in range."""
    rising = "ExpectColumnValuesToBeIncreasing"
    between = "ExpectColumnValuesToBeBetween"
    shortest, longest = config.gap_days
    return [
        expect("time is strictly increasing", rising, column="day", strictly=True),
        expect("no time occurs twice", "ExpectColumnValuesToBeUnique", column="time"),
        expect(
            f"{shortest} to {longest} days lie between two values",
            between,
            column="gap_days",
            min_value=shortest,
            max_value=longest,
        ),
        expect("splits follow one another in time", rising, column="place", strictly=False),
        expect(
            f"values lie within {config.low:g} and {config.high:g}",
            between,
            column="value",
            min_value=config.low,
            max_value=config.high,
        ),
        expect(
            "the series moves",
            "ExpectColumnUniqueValueCountToBeBetween",
            column="value",
            min_value=config.horizon,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.series.encoding`` has it."""
    return encode_course(config, table)
