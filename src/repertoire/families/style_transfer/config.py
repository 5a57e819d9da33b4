"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share

TASKS = ("stylize",)
KINDS = ("styles",)  # of data
METRICS = {  # pattern of names -> which value is better
    "perceptual_loss|content_loss|style_loss": "lower",
    "matched_iterations": "higher",
}


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
