"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

TASKS = ("forecast",)


@dataclass(frozen=True)
class Config:
    """``relative``: changes in, changes since the last value out; otherwise levels.

    ``steps`` counts the updates of an epoch, each on ``batch`` windows drawn at random.
    """

    cell: Literal["rnn", "gru", "lstm"]
    units: int
    layers: int
    dropout: float
    relative: bool
    batch: int
    steps: int
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
