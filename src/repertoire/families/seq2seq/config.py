"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("translate",)


@dataclass(frozen=True)
class Config:
    """``units`` is the width of each encoder direction and of the decoder.

    ``longest`` bounds decoding, in tokens; ``chunk`` is the batch of evaluation.
    """

    embedding: int
    units: int
    dropout: float
    label_smoothing: float
    batch: int
    chunk: int
    longest: int
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
    examples: int
