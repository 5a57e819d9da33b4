"""Several series side by side, one row a time: forecasting all of them at once.

The parts are counted in rows, as published protocols do (Zhou et al. 2021, "Informer", section
5.1): the first rows are for training, the next ones held out, and what follows them is left out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Share
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, expecting
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.panel.encoding import Panel
from repertoire.kinds.panel.encoding import encode as encode_panel
from repertoire.kinds.series.encoding import check_levels

KIND = "panel"


@dataclass(frozen=True)
class Config:
    """``series`` names the columns, ``rows`` how many are for train, valid and test.

    ``low`` and ``high`` bound what is admissible here and in requests, ``hours`` lie between two
    rows. ``season`` is a number of rows, ``ridge_lookback`` what the linear baseline sees.
    """

    time: str
    time_format: str
    series: tuple[str, ...]
    unit: str
    low: float
    high: float
    hours: Count
    season: Count
    lookback: Count
    ridge_lookback: Count
    horizon: Count
    levels: tuple[Share, ...]
    rows: tuple[Count, ...]


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a time, as the file orders them."""
    path = files["series"]
    _check(config)
    with expecting(path, "a table as time, time_format and series say"):
        table = pd.read_csv(path, dtype=str)
        times = pd.to_datetime(table[config.time], format=config.time_format)
        values = {name: table[name].astype(float) for name in config.series}
    if len(table) < sum(config.rows):
        raise ConfigError(f"{path}: holds {len(table)} rows, {sum(config.rows)} are asked for")
    found = pd.DataFrame({"time": times.dt.strftime("%Y-%m-%d %H:%M"), **values})
    found["hour"] = (times - pd.Timestamp("1970-01-01")) // pd.Timedelta(hours=1)
    found["gap_hours"] = found["hour"].diff().bfill()
    found["key"] = found["time"]
    found = found[: sum(config.rows)]
    return found.assign(split=np.repeat(SPLITS, config.rows))


def _check(config: Config) -> None:
    check_levels(config.levels)
    if len(config.rows) != len(SPLITS):
        raise ConfigError(f"rows {list(config.rows)}: name one number for train, valid and test")
    longest = max(config.lookback, config.ridge_lookback)
    needed = (longest + config.horizon, config.horizon, config.horizon)
    for split, rows, least in zip(SPLITS, config.rows, needed, strict=True):
        if rows < least:
            raise ConfigError(f"rows: {split} has {rows}, {least} are needed")


def expectations(config: Config) -> list[Expectation]:
    """Time runs forward without holes, values are in range, every series moves."""
    between = "ExpectColumnValuesToBeBetween"
    gap = {"min_value": config.hours, "max_value": config.hours}
    found = [
        expect("no time occurs twice", "ExpectColumnValuesToBeUnique", column="time"),
        expect(f"rows lie {config.hours} h apart", between, column="gap_hours", **gap),
    ]
    for name in config.series:
        limits = {"min_value": config.low, "max_value": config.high}
        meaning = f"{name} lies within {config.low:g} and {config.high:g}"
        found.append(expect(meaning, between, column=name, **limits))
        moves = "ExpectColumnUniqueValueCountToBeBetween"
        found.append(expect(f"{name} moves", moves, column=name, min_value=config.horizon))
    return found


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.panel.encoding`` has it."""
    values = table[list(config.series)].to_numpy(np.float64)
    return encode_panel(config, table, Panel(config.series, values, None, 1, {}))
