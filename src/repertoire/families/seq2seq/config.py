"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, RepertoireError, Share
from repertoire.kinds.pairs import metrics

TASKS = ("translate",)
KINDS = ("pairs",)  # of data
METRICS = metrics.METRICS


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
    embedding: Count
    units: Count
    dropout: Share
    label_smoothing: Share
    batch: Count
    chunk: Count
    longest: Count
    beam: Count
    length_penalty: NonNegative
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    examples: Natural

    def __post_init__(self) -> None:
        if self.attention == "dot" and self.bidirectional:
            raise RepertoireError(
                "config.attention: dot compares states of one width, and a bidirectional encoder's "
                "are twice as wide as the decoder's; write general or additive"
            )
