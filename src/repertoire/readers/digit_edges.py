"""Handwritten digits and their edges: the edges are the source, the digit is the target.

The digits and their split are those of ``readers/mnist.py``.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import NonNegative
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation
from repertoire.readers import mnist
from repertoire.readers.helpers.images.edges import edges

KIND = "image_pairs"


@dataclass(frozen=True)
class Config(mnist.Digits):
    """``threshold``: the least slope of an edge, as a share of that from black to white."""

    threshold: NonNegative


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a digit, its edges beside it."""
    table = mnist.tabulate(config, files)
    pixels = np.stack(table["pixels"].to_list()).astype(np.uint8)
    found = edges(pixels.reshape(-1, config.side, config.side), config.threshold)
    flat = found.reshape(len(found), -1)
    table["edges"] = pd.Series(list(flat), index=table.index)
    table["edge_share"] = (flat > 0).mean(1)
    return table


def expectations(config: Config) -> list[Expectation]:
    """Those of the digits."""
    return mnist.expectations(config)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 ``sources`` and ``targets`` (pairs, side, side) a split."""
    shape = (-1, config.side, config.side)
    arrays = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        arrays[split] = {
            key: np.stack(rows[column].to_list()).astype(np.uint8).reshape(shape)
            for key, column in (("sources", "edges"), ("targets", "pixels"))
        }
    facts = {
        "side": config.side,
        "colours": 1,
        "pairs": {split: len(arrays[split]["sources"]) for split in SPLITS},
        "source": f"Sobel edges of at least {config.threshold:g} of the steepest slope",
        "target": "handwritten digit",
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": list(shape[1:])}
    return Encoded(arrays, facts, {"images": images})
