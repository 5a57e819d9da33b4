"""How the table of one series becomes arrays, facts, and what a client must know."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from repertoire.config import ConfigError
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.kinds.series.scales import futures, origins, pasts, scaled, seasonal_change
from repertoire.kinds.series.steps import CLOCKS, Step

KIND = "series"
INTERVAL = (0.05, 0.5, 0.95)  # what the report and the server show


class Settings(Protocol):
    """What the config of a reader says of a series; ``repertoire.readers.series`` explains it."""

    @property
    def unit(self) -> str: ...
    @property
    def scale(self) -> Literal["linear", "root", "log"]: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def season(self) -> int: ...
    @property
    def lookback(self) -> int: ...
    @property
    def horizon(self) -> int: ...
    @property
    def levels(self) -> tuple[float, ...]: ...
    @property
    def largest_order(self) -> int: ...


def check_levels(levels: Sequence[float]) -> None:
    """Raises ConfigError unless they rise and have what the report and the server show."""
    if list(levels) != sorted(set(levels)) or not set(INTERVAL) <= {*levels}:
        raise ConfigError(f"levels {levels}: let them rise, with {INTERVAL} among them")


def step_block(step: Step) -> dict[str, Any]:
    """The step as facts and encodings hold it; none where no calendar tells what comes next."""
    if step.unit == "number":
        return {}
    return {"step": {"unit": step.unit, "count": step.count}}


def encode(
    config: Settings, table: pd.DataFrame, stride: int = 1, step: Mapping[str, Any] | None = None
) -> Encoded:
    """The whole course, the training values, and every rolling origin of the held-out parts.

    ``table`` has a row a step: value, split, time (as it is written), and the time since 1970 in a
    column that is called after one of ``CLOCKS``. ``train``: values. ``valid`` and ``test``: past
    (origins, lookback), future (origins, horizon) and origin, the index of the last value known, of
    which each ``stride``-th counts. ``history``: all values and their times. Pasts reach back into
    the part before; futures stay within their own. ``step``: what facts and encodings say of it.
    """
    values = table["value"].to_numpy(np.float64)
    clock = next(name for name in CLOCKS if name in table)
    counts = {split: int((table["split"] == split).sum()) for split in SPLITS}
    _check_lengths(config, counts)
    arrays: dict[str, Arrays] = {
        "history": {"values": values, clock: table[clock].to_numpy(np.int64)},
        "train": {"values": values[: counts["train"]]},
    }
    first = counts["train"]
    for split in SPLITS[1:]:
        at = origins(first, first + counts[split], config.horizon)[::stride]
        arrays[split] = {
            "past": pasts(values, at, config.lookback).astype(np.float32),
            "future": futures(values, at, config.horizon),
            "origin": at,
        }
        first += counts[split]
    facts = _facts(config, arrays["train"]["values"])
    facts |= {
        "values": counts,
        "from": {split: _first(table, split) for split in SPLITS},
        "example": values[counts["train"] + counts["valid"] - config.lookback :][
            : config.lookback
        ].tolist(),
    }
    encoding = {
        "kind": KIND,
        "unit": config.unit,
        "range": [config.low, config.high],
        "lookback": config.lookback,
        "levels": list(config.levels),
        **(step or {}),
    }
    return Encoded(arrays, facts, {"series": encoding})


def _check_lengths(config: Settings, counts: dict[str, int]) -> None:
    needed = {"train": config.lookback + config.horizon, "valid": config.horizon}
    for split, least in (needed | {"test": config.horizon}).items():
        if counts[split] < least:
            raise ConfigError(
                f"the {split} part holds {counts[split]} values, {least} are needed; move "
                "valid_from or test_from, or shorten lookback or horizon"
            )


def _first(table: pd.DataFrame, split: str) -> str:
    return str(table.loc[table["split"] == split, "time"].iloc[0])


def _facts(config: Settings, train: Array) -> dict[str, Any]:
    on_scale = scaled(train, config.scale)
    return {
        "unit": config.unit,
        "scale": config.scale,
        "low": config.low,
        "high": config.high,
        "season": config.season,
        "lookback": config.lookback,
        "horizon": config.horizon,
        "levels": list(config.levels),
        "largest_order": config.largest_order,
        "mean": float(on_scale.mean()),
        "deviation": float(on_scale.std()),
        "change_deviation": float(np.diff(on_scale).std()),
        "seasonal_change": seasonal_change(train, config.season),
    }
