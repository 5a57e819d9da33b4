"""The pictures of ``readers/idx_images.py``, each class in turn normal and all others anomalies."""

import pandas as pd

from repertoire.data.dataset import Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation
from repertoire.kinds.novelty.encoding import encode_one_class
from repertoire.readers import idx_images

KIND = "novelty"


Config = idx_images.Pictures


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a picture."""
    return idx_images.tabulate(config, files)


def expectations(config: Config) -> list[Expectation]:
    """Those of the pictures."""
    return idx_images.expectations(config)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Images and labels a split."""
    return encode_one_class(table, config.names, config.side)
