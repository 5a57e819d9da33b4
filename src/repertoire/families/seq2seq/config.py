"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import RepertoireError

TASKS = ("translate",)


@dataclass(frozen=True)
class Config:
    """``units`` is the width of each encoder direction and of the decoder.

    ``longest`` bounds decoding, in tokens; ``chunk`` is the batch of evaluation. ``beam`` and
    ``length_penalty`` are of the beam search that is measured beside greedy decoding.
    """

    bidirectional: bool
    reverse_source: bool
    peeky: bool
    attention: Literal["none", "dot", "general", "additive"]
    embedding: int
    units: int
    dropout: float
    label_smoothing: float
    batch: int
    chunk: int
    longest: int
    beam: int
    length_penalty: float
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
    examples: int

    def __post_init__(self) -> None:
        if self.attention == "dot" and self.bidirectional:
            raise RepertoireError(
                "config.attention: dot compares states of one width, and a bidirectional encoder's "
                "are twice as wide as the decoder's; write general or additive"
            )
