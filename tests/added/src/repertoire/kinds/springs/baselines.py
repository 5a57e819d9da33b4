"""Lengths that no load changes."""

from dataclasses import dataclass

import numpy as np
from repertoire.kinds.springs.metrics import length_measurement

from repertoire.contract import Data
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (Baseline("mean_length", "mean length of {springs_seen:.0f} springs"),)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


def baselines(config: Config, data: Data) -> Scores:
    """The mean of the training part."""
    lengths = data.arrays("test")["length"]
    mean = data.arrays("train")["length"].mean()
    found = Scores()
    found.measure("mean_length", length_measurement(np.full_like(lengths, mean), lengths))
    found["springs_seen"] = float(len(data.arrays("train")["length"]))
    return found
