"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("stylize",)


@dataclass(frozen=True)
class Config:
    """``width`` is that of the first convolution (Johnson et al. have 32), ``blocks`` the residual
    ones (5); ``crop`` is the side of what is cut out of a training photograph.
    """

    style: str  # one of those of the data set
    width: int
    blocks: int
    crop: int
    batch: int
    steps: int  # an epoch
    variation_weight: float
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    chunk: int
    examples: int  # photographs in the report
