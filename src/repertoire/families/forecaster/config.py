"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

TASKS = ("forecast",)


@dataclass(frozen=True)
class Config:
    """``relative``: changes in, changes since the last value out; otherwise levels.

    ``segment``: 0 reads one series value by value; otherwise series side by side are read so many
    rows at a time, which divide look-back and horizon. ``point`` is what is judged as the forecast
    of one value: the median has the least absolute error, the mean of the quantiles is nearer to
    what has the least squared one. ``steps`` counts the updates of an
    epoch, each on ``batch`` windows drawn at random.
    """

    cell: Literal["rnn", "gru", "lstm"]
    units: int
    layers: int
    dropout: float
    relative: bool
    segment: int
    point: Literal["median", "mean"]
    batch: int
    steps: int
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
