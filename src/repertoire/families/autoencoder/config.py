"""What a recipe of this family says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.measured import Metric
from repertoire.metrics.pictures import GAIN_METRICS, LEVEL_METRICS

TASKS = ("reconstruct",)
KINDS = ("images",)  # of data
METRICS = (
    *LEVEL_METRICS,
    *GAIN_METRICS,
    Metric("probe_accuracy_percent", "Classes read in the code by a linear map", "%", "higher"),
)
SAME_IN_BASELINE = {"corruption": "corruption"}


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code, ``units`` are those between it and the pixels or maps.

    ``corruption`` holds kinds and strengths (``kinds/images/corruption.py``); none if it is empty.
    """

    layers: Literal["dense", "convolutional"]
    latent: Count
    units: tuple[Count, ...]
    channels: Natural  # of the first convolution; dense layers have none
    corruption: Mapping[str, float]
    batch: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    weight_decay: NonNegative
    shift: Natural  # pixels by which training images are moved at random
    grid: Natural  # pictures a side
