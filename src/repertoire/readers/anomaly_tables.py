"""Tables with anomalies in the files of ADBench (Han et al. 2022): one detector a table.

Each table is split by itself, normal rows and anomalies in equal shares. Detectors train on all
training rows of their table without knowing which are anomalies, or on its normal rows alone.
Tables repeat rows, and published figures keep them: such rows have no key, and ``known_share_test``
says how many test rows occur in training.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Seed, Share
from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files, expecting, unexpected
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.novelty.encoding import encode_tables

KIND = "novelty"


@dataclass(frozen=True)
class Config:
    """``contaminated``: anomalies stay in training; else they are left out of it.

    ``valid_share`` is a share of the rows that are not for the test.
    """

    contaminated: bool
    seed: Seed
    test_share: Share
    valid_share: Share


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a row of a table, table after table in the order of the sources."""
    table = pd.concat([_read(config, *each) for each in files.items()], ignore_index=True)
    if not config.contaminated:
        table = table[(table["split"] != "train") | (table["anomaly"] == 0)]
    identity = table["table"] + table["digest"]
    repeats = identity.duplicated(keep=False)
    trained = table["anomaly"] * (table["split"] == "train")
    return table.assign(
        key=identity.where(~repeats, None), repeats=repeats, trained_anomaly=trained
    )


def _read(config: Config, name: str, path: Path) -> pd.DataFrame:
    with expecting(path, "a table of X and y"), np.load(path, allow_pickle=False) as file:
        values, anomaly = file["X"].astype(np.float64), file["y"].astype(np.int64)
    if values.ndim != 2 or anomaly.shape != (len(values),):
        raise unexpected(path, f"X {values.shape} and y {anomaly.shape} do not fit together")
    table = pd.DataFrame({"values": values.tolist(), "anomaly": anomaly, "table": name})
    table["digest"] = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in values]
    table["finite"] = np.isfinite(values).all(1).astype(int)
    rng = np.random.default_rng((config.seed, len(values)))
    return table.assign(split=_splits(config, rng, anomaly))


def _splits(config: Config, rng: np.random.Generator, anomaly: Array) -> Array:
    """The first of a random order of either kind of row are for the test, the next to validate."""
    splits = np.full(len(anomaly), "train", object)
    for kind in (0, 1):
        rows = rng.permutation(np.flatnonzero(anomaly == kind))
        test = round(config.test_share * len(rows))
        valid = round(config.valid_share * (len(rows) - test))
        splits[rows[:test]], splits[rows[test : test + valid]] = "test", "valid"
    return splits


def expectations(config: Config) -> list[Expectation]:
    """Numbers only, two kinds of rows, and anomalies in training where that is the protocol."""
    trained = 1 if config.contaminated else 0
    return [
        expect(
            "every value is a number",
            "ExpectColumnValuesToBeInSet",
            column="finite",
            value_set=[1],
        ),
        expect(
            "a row is normal or an anomaly",
            "ExpectColumnDistinctValuesToEqualSet",
            column="anomaly",
            value_set=[0, 1],
        ),
        expect(
            f"anomalies are {'part of' if trained else 'left out of'} training",
            "ExpectColumnMaxToBeBetween",
            column="trained_anomaly",
            min_value=trained,
            max_value=trained,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rows of all tables, and which of them are anomalies."""
    widths = {name: len(rows.iloc[0]) for name, rows in table.groupby("table")["values"]}
    columns = {
        name: [f"column {n}" for n in range(1, widths[name] + 1)]
        for name in table["table"].drop_duplicates()
    }
    encoded = encode_tables(table, columns, config.contaminated)
    trained = set((table["table"] + table["digest"])[table["split"] == "train"])
    test = table[table["split"] == "test"]
    known = (test["table"] + test["digest"]).isin(trained)
    encoded.facts["known_share_test"] = round(float(known.mean()), 5)
    return encoded
