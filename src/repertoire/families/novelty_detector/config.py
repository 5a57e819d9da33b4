"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.kinds.novelty import metrics
from repertoire.kinds.novelty.metrics import Score
from repertoire.measured import Metric

TASKS = ("detect",)
KINDS = ("novelty",)  # of data
METRICS = (
    *metrics.METRICS,
    Metric("false_alarm_percent", "False-positive rate", "%", "lower"),
    Metric("detection_percent", "Recall of anomalies", "%", "higher"),
)
SAME_IN_BASELINE = {"score": "score"}  # or a gate would compare scores instead of models


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
    score: Score
    latent: Count
    units: tuple[Count, ...]
    noise: NonNegative
    beta: NonNegative
    false_alarms: Share
    batch: Count  # rows of each net
    steps: Count  # an epoch
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    weight_decay: NonNegative
    shift: Natural  # pixels by which training pictures are moved at random
    grid: Natural  # pictures, or rows of a table
