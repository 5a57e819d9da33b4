"""Measures of cell nuclei of breast tumours (Wolberg, Street and Mangasarian 1995), benign normal.

569 rows of 30 columns that scikit-learn carries (UCI, CC BY 4.0). Detectors see benign rows alone;
the malignant ones lie in validation and test. For comparing detectors, not for any diagnosis.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Seed, Share
from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.novelty.encoding import encode_tables

KIND = "novelty"
NAME = "benign"
MALIGNANT = 0  # scikit-learn's number of the class


@dataclass(frozen=True)
class Config:
    """Shares of the benign rows; malignant ones are shared out between the two held-out splits."""

    seed: Seed
    valid_share: Share
    test_share: Share


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a tumour, in the order of the source."""
    # Imported late: it takes a second, and only this reader needs it.
    from sklearn.datasets import load_breast_cancer

    source = load_breast_cancer()
    values, anomaly = source["data"], (source["target"] == MALIGNANT).astype(int)
    table = pd.DataFrame({"values": values.tolist(), "anomaly": anomaly, "table": NAME})
    table["key"] = [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in values]
    table["measures"], table["least"] = values.shape[1], values.min(1)
    draws = np.random.default_rng(config.seed).random(len(table))
    table["split"] = _splits(config, draws, anomaly == 1)
    table["trained_anomaly"] = anomaly * (table["split"] == "train")
    return table


def _splits(config: Config, draws: Array, anomaly: Array) -> Array:
    held = config.valid_share + config.test_share
    place = np.where(anomaly, draws * held, draws)
    return np.where(place < config.test_share, "test", np.where(place < held, "valid", "train"))


def expectations(config: Config) -> list[Expectation]:
    """Shape, range and classes of the source, and that no anomaly is trained on."""
    return [
        expect(
            "a row has 30 measures",
            "ExpectColumnValuesToBeInSet",
            column="measures",
            value_set=[30],
        ),
        expect(
            "no measure is below 0",
            "ExpectColumnValuesToBeBetween",
            column="least",
            min_value=0,
        ),
        expect(
            "37 % of the tumours are malignant",
            "ExpectColumnMeanToBeBetween",
            column="anomaly",
            min_value=0.37,
            max_value=0.38,
        ),
        expect(
            "no malignant tumour is trained on",
            "ExpectColumnMaxToBeBetween",
            column="trained_anomaly",
            min_value=0,
            max_value=0,
        ),
        expect(
            "there are 569 tumours",
            "ExpectTableRowCountToEqual",
            value=569,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Rows and whether they are anomalies; where they come from, as no source is fetched."""
    from sklearn import __version__
    from sklearn.datasets import load_breast_cancer

    columns = [str(name) for name in load_breast_cancer()["feature_names"]]
    encoded = encode_tables(table, {NAME: columns}, contaminated=False)
    encoded.facts["origin"] = f"scikit-learn {__version__}, load_breast_cancer"
    encoded.facts["licence"] = "CC BY 4.0 (UCI; carrier BSD-3-Clause)"
    return encoded
