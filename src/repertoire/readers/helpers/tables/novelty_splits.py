"""How normal rows and anomalies are shared out over splits: no anomaly trains."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from repertoire.contract import Array

if TYPE_CHECKING:
    import pandas as pd


class Shares(Protocol):
    """Of the normal rows, and of the anomalies that may be tested on those that validate."""

    @property
    def seed(self) -> int: ...
    @property
    def valid_share(self) -> float: ...
    @property
    def test_share(self) -> float: ...
    @property
    def valid_anomalies(self) -> float: ...


def held_out(table: "pd.DataFrame", config: Shares, own: Array | None) -> "pd.DataFrame":
    """A table with ``key`` and ``anomaly`` gets ``split``; ``own`` are splits that are stated.

    Equal rows in one split; those with an anomaly among them are never trained on.

    Of stated splits, rows that the test holds as well are left out of the others.
    """
    rng = np.random.default_rng(config.seed)
    codes, distinct = _groups(table["key"])
    draws = rng.random(distinct)[codes]
    strange = table["anomaly"].groupby(codes).transform("max").to_numpy() == 1
    if own is None:
        tests = 1 - config.valid_anomalies
        place = np.where(strange, _ranks(codes, draws, strange), draws)
        test = place < np.where(strange, tests, config.test_share)
        held = place < np.where(strange, 1, config.test_share + config.valid_share)
        split = np.where(test, "test", np.where(held, "valid", "train"))
        return table.assign(split=split)
    split = own.copy()
    split[(split == "train") & (table["anomaly"] == 1)] = "valid"
    if not (split == "valid").any() or not (own == "valid").any():
        split[(split == "train") & (draws < config.valid_share)] = "valid"
    if not ((split == "valid") & strange).any():
        moved = (split == "test") & strange
        split[moved & (_ranks(codes, draws, moved) >= 1 - config.valid_anomalies)] = "valid"
    tested = set(codes[split == "test"])
    kept = (split == "test") | ~np.isin(codes, list(tested))
    validated = set(codes[(split == "valid") & kept])
    kept &= (split != "train") | ~np.isin(codes, list(validated))
    return table.assign(split=split)[kept]


def _groups(keys: "pd.Series[str]") -> tuple[Array, int]:
    import pandas as pd

    codes, distinct = pd.factorize(keys)
    return codes, len(distinct)


def _ranks(codes: Array, draws: Array, chosen: Array) -> Array:
    """The places of the chosen groups in the order of their draws, from 0 to below 1.

    Ranks, and not draws, share out a handful as closely as can be.
    """
    groups, first = np.unique(codes[chosen], return_index=True)
    order = np.argsort(np.argsort(draws[chosen][first]))
    known = dict(zip(groups, order / max(1, len(groups)), strict=True))
    return np.array([known.get(code, 1.0) for code in codes])
