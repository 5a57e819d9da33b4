"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("reconstruct", "sample")


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code; ``importance_samples`` that of the tighter bound."""

    latent: int
    channels: int
    units: int
    beta: float
    batch: int
    chunk: int
    importance_samples: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    shift: int  # pixels by which training images are moved at random
    grid: int  # pictures a side
