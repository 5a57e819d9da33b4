"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

TASKS = ("detect",)


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code, ``units`` are those between it and the values.

    ``noise`` spoils what a denoising net sees, by its deviation where white is 1 or a column's own
    deviation is; ``beta`` weighs the divergence of a variational net against the squared error of
    all values. ``false_alarms`` is the share of normal rows that may be taken for anomalies.

    ``score`` is the mean squared error; ``relative`` to the mean square of the row and of normal
    rows together, or the errors of dark pictures would always be small; or with each column's error
    ``scaled`` by what it is on normal training rows.
    """

    model: Literal["autoencoder", "denoising", "variational"]
    score: Literal["plain", "relative", "scaled"]
    latent: int
    units: tuple[int, ...]
    noise: float
    beta: float
    false_alarms: float
    batch: int  # rows of each net
    steps: int  # an epoch
    chunk: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    shift: int  # pixels by which training pictures are moved at random
    grid: int  # pictures, or rows of a table
