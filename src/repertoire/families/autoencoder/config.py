"""What a recipe of this family says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share

TASKS = ("reconstruct",)
KINDS = ("images",)  # of data
METRICS = {  # pattern of names -> which value is better
    "grey_mse|rgb_mse|mse": "lower",
    r"psnr_db|\w+_gain_db|probe_accuracy_percent": "higher",
}
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
