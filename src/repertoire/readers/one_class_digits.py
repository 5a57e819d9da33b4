"""The digits of ``readers/mnist.py``, each class in turn normal and all others anomalies."""

import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation
from repertoire.kinds.novelty.encoding import encode_one_class
from repertoire.readers import mnist

KIND = "novelty"


Config = mnist.Digits


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row an image."""
    return mnist.tabulate(config, files)


def expectations(config: Config) -> list[Expectation]:
    """Those of the digits."""
    return mnist.expectations(config)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Images and labels a split."""
    return encode_one_class(table, tuple(map(str, range(config.classes))), config.side)
