"""What a recipe of this family says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TASKS = ("reconstruct",)


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code, ``units`` are those between it and the pixels or maps.

    ``corruption`` holds kinds and strengths (``repertoire.data.corruption``); none if it is empty.
    """

    layers: Literal["dense", "convolutional"]
    latent: int
    units: tuple[int, ...]
    channels: int  # of the first convolution; dense layers have none
    corruption: Mapping[str, float]
    batch: int
    chunk: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    shift: int  # pixels by which training images are moved at random
    grid: int  # pictures a side
