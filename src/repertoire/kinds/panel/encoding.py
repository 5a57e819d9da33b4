"""How several series at the same times become arrays, facts, and what a client must know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.kinds.series.scales import origins
from repertoire.kinds.series.steps import CLOCKS

KIND = "panel"
EXAMPLE = 48  # rows before the test part, as a request may hold them


class Settings(Protocol):
    """What the config of a reader says of a panel; ``repertoire.readers.panel`` explains it."""

    @property
    def unit(self) -> str: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def season(self) -> int: ...
    @property
    def lookback(self) -> int: ...
    @property
    def ridge_lookback(self) -> int: ...
    @property
    def horizon(self) -> int: ...
    @property
    def levels(self) -> tuple[float, ...]: ...


@dataclass(frozen=True)
class Panel:
    """``names`` of the series, ``values`` (time, series).

    ``known`` (time, series) bool, None where all are: a value that is not known is that before it,
    which the net sees and which counts in no loss and no metric. ``stride``: each so many-th origin
    counts. ``step``: what facts and encodings say of it.
    """

    names: Sequence[str]
    values: Array
    known: Array | None
    stride: int
    step: Mapping[str, Any]


def encode(config: Settings, table: pd.DataFrame, panel: Panel) -> Encoded:
    """The whole course, the training values, and every rolling origin of the held-out parts.

    ``table`` has a row a time: split, time (as it is written), and the time since 1970 in a column
    that is called after one of ``CLOCKS``. ``train``: values (time, series). ``valid`` and
    ``test``: origin, the index of the last row known. ``history``: all values and their times.
    Pasts reach back into the part before; futures stay within their own. ``known`` is with the
    values where some are missing.
    """
    clock = next(name for name in CLOCKS if name in table)
    counts = {split: int((table["split"] == split).sum()) for split in SPLITS}
    train, held = counts["train"], counts["train"] + counts["valid"]
    history: Arrays = {"values": panel.values, clock: table[clock].to_numpy(np.int64)}
    if panel.known is not None:
        history["known"] = panel.known.astype(np.uint8)
    parts = {name: array[:train] for name, array in history.items() if name != clock}
    arrays: dict[str, Arrays] = {
        "history": history,
        "train": parts,
        "valid": {"origin": origins(train, held, config.horizon)[:: panel.stride]},
        "test": {"origin": origins(held, len(panel.values), config.horizon)[:: panel.stride]},
    }
    facts = {
        **_facts(config, panel.names, counts),
        **_normalisation(parts),
        "from": {
            split: str(table.loc[table["split"] == split, "time"].iloc[0]) for split in SPLITS
        },
        "example": _example(panel.values[:held], parts["values"]),
    }
    encoding = {
        "kind": KIND,
        "series": list(panel.names),
        "unit": config.unit,
        "range": [config.low, config.high],
        "lookback": config.lookback,
        "levels": list(config.levels),
        **panel.step,
        **({"missing": "null"} if panel.known is not None else {}),
    }
    return Encoded(arrays, facts, {"series": encoding})


def _example(values: Array, train: Array) -> list[list[float]]:
    """The last rows, to three decimals, or as many as the least deviation needs."""
    least = train.std(0).min()
    decimals = 3 if not least else max(3, 3 - int(np.floor(np.log10(least))))
    found: list[list[float]] = values[-EXAMPLE:].round(decimals).tolist()
    return found


def _normalisation(train: Arrays) -> dict[str, list[float]]:
    """Mean and deviation of each series in the training part, of what is known of it."""
    values = train["values"]
    if "known" in train:
        values = np.where(train["known"] > 0, values, np.nan)
        return {
            "mean": np.nanmean(values, axis=0).tolist(),
            "deviation": np.nanstd(values, axis=0).tolist(),
        }
    return {"mean": values.mean(0).tolist(), "deviation": values.std(0).tolist()}


def _facts(config: Settings, names: Sequence[str], counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "series": list(names),
        "unit": config.unit,
        "low": config.low,
        "high": config.high,
        "season": config.season,
        "lookback": config.lookback,
        "ridge_lookback": config.ridge_lookback,
        "horizon": config.horizon,
        "levels": list(config.levels),
        "values": dict(counts),
    }
