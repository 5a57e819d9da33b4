"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.kinds.springs import metrics

from repertoire.config import Count, Positive

TASKS = ("stretch",)
KINDS = ("springs",)
METRICS = metrics.METRICS


@dataclass(frozen=True)
class Config:
    """Adam's ``learning_rate``, and the ``batch`` of training."""

    batch: Count
    learning_rate: Positive
