"""Several series in anybody's table, long or wide, that share their times: forecast together.

What a user has becomes a data set by ``repertoire.readers.series_table.propose``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import ConfigError, Count, Share
from repertoire.contract import Array
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.doors import BadRowRule, BadRows
from repertoire.data.sources import Files, SourceError
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.panel.encoding import Panel
from repertoire.kinds.panel.encoding import encode as encode_panel
from repertoire.kinds.series.encoding import check_levels
from repertoire.readers.helpers.series.courses import Course, course_of, listed
from repertoire.readers.helpers.series.files import SeriesTable
from repertoire.readers.helpers.series.look import cut, parts
from repertoire.readers.helpers.series.rows import calendar, described, in_time, shared_facts

KIND = "panel"


@dataclass(frozen=True)
class Config:
    """``table`` says where times and values stand, ``series`` which columns, or whose rows, count
    (empty: all of a long table).

    ``low`` and ``high`` bound what is admissible here and in requests. ``season``, ``lookback``,
    ``horizon`` and ``longest`` (the last steps that are used) count steps; ``ridge_lookback`` is
    what the linear baseline sees. Each ``stride``-th origin of the held-out parts is forecast from.
    """

    table: SeriesTable
    series: tuple[str, ...]
    unit: str
    low: float
    high: float
    season: Count
    lookback: Count
    ridge_lookback: Count
    horizon: Count
    levels: tuple[Share, ...]
    stride: Count
    longest: Count
    valid_share: Share
    test_share: Share
    bad_rows: BadRowRule


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a step: its values and which of them are known, (series,) each."""
    bad = BadRows(config.bad_rows)
    found = course_of(files["raw"], config.table, config.series, bad)
    return bad.checked(tabulated(config, cut(found, config.longest)))


def tabulated(config: Config, found: Course) -> pd.DataFrame:
    """The table of a course. Raises SourceError and ConfigError for what cannot be forecast."""
    check_levels(config.levels)
    told = parts(found, config.valid_share, config.test_share)
    _check_lengths(config, told)
    known = ~np.isnan(found.values)
    filled = pd.DataFrame(found.values).ffill().bfill().to_numpy()
    _check_moves(found.names, np.where(known, found.values, np.nan)[told == "train"])
    table = described(found, told)
    table["lowest"], table["highest"] = filled.min(1), filled.max(1)
    table["values"] = pd.Series(list(filled), dtype=object)
    table["known"] = pd.Series(list(known), dtype=object)
    table.attrs["series"] = found.names
    return table


def _check_lengths(config: Config, told: Array) -> None:
    longest = max(config.lookback, config.ridge_lookback)
    needed = (longest + config.horizon, config.horizon, config.horizon)
    for split, least in zip(SPLITS, needed, strict=True):
        if (count := int((told == split).sum())) < least:
            raise ConfigError(
                f"the {split} part holds {count} steps, {least} are needed; shorten lookback, "
                "ridge_lookback or horizon"
            )


def _check_moves(names: Sequence[str], train: Array) -> None:
    """A series that never changes in the training part has no deviation to be measured in."""
    table = pd.DataFrame(train)
    still = [int(place) for place in np.flatnonzero((table.nunique() < 2).to_numpy())]
    if still:
        raise SourceError(
            f"{listed([names[place] for place in still])}: fewer than two different values in the "
            "training part; leave such series out of the config's series (--value or --id)"
        )


def expectations(config: Config) -> list[Expectation]:
    """Time runs forward, parts follow one another, values are in range."""
    between = "ExpectColumnValuesToBeBetween"
    limits = {"min_value": config.low, "max_value": config.high}
    return [
        *in_time(),
        expect(f"no value lies below {config.low:g}", between, column="lowest", **limits),
        expect(f"no value lies above {config.high:g}", between, column="highest", **limits),
    ]


def _drawn(config: Config, facts: Mapping[str, Any]) -> list[list[float]]:
    """Least and largest values of each series with which the export is verified: as it is seen.

    A series far out of its own range says nothing of it: its rounding is that of larger numbers.
    """
    mean, deviation = np.array(facts["mean"]), np.array(facts["deviation"])
    ends = (mean - 3 * deviation, mean + 3 * deviation)
    return [np.clip(end, config.low, config.high).tolist() for end in ends]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``repertoire.kinds.panel.encoding`` has it; ``known`` only where gaps are left."""
    values, known = (np.stack(list(table[name])) for name in ("values", "known"))
    panel = Panel(
        table.attrs["series"],
        values,
        None if known.all() else known,
        config.stride,
        calendar(config.table),
    )
    encoded = encode_panel(config, table, panel)
    encoded.facts.update(shared_facts(table, config.stride, config.table))
    encoded.facts["drawn"] = _drawn(config, encoded.facts)
    return encoded
