"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.measured import Metric

TASKS = ("stylize",)
KINDS = ("styles",)  # of data
METRICS = (
    Metric("perceptual_loss", "Perceptual loss", "content and weighed style", "lower"),
    Metric("content_loss", "Content lost", "of its energy", "lower"),
    Metric("style_loss", "Distance from the style", "of its energy", "lower"),
    Metric("matched_iterations", "Iterations of optimisation matched", "iterations", "higher"),
)


@dataclass(frozen=True)
class Config:
    """``width`` is that of the first convolution (Johnson et al. have 32), ``blocks`` the residual
    ones (5); ``crop`` is the side of what is cut out of a training photograph.
    """

    style: str  # one of those of the data set
    width: Count
    blocks: Natural
    crop: Count
    batch: Count
    steps: Count  # an epoch
    variation_weight: NonNegative
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    chunk: Count
    examples: Natural  # photographs in the report
