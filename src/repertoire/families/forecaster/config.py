"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.kinds.series import metrics

TASKS = ("forecast",)
KINDS = ("series", "panel")  # of data
METRICS = metrics.METRICS
SAME_IN_BASELINE = {"penalties": "penalties"}


@dataclass(frozen=True)
class Config:
    """``relative``: changes in, changes since the last value out; otherwise levels.

    ``segment``: 0 reads one series value by value; otherwise series side by side are read so many
    rows at a time, which divide look-back and horizon. ``point`` is what is judged as the forecast
    of one value: the median has the least absolute error, the mean of the quantiles is nearer to
    what has the least squared one. ``penalties`` are those of
    the ridge beside series side by side. ``steps`` counts the updates of an
    epoch, each on ``batch`` windows drawn at random.
    """

    cell: Literal["rnn", "gru", "lstm"]
    units: Count
    layers: Count
    dropout: Share
    relative: bool
    segment: Natural
    point: Literal["median", "mean"]
    batch: Count
    steps: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    penalties: tuple[float, ...]
