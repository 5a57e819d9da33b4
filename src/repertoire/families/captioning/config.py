"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.contract import Arrays
from repertoire.measured import Metric
from repertoire.metrics.bleu import CAPTION_METRICS

TASKS = ("caption",)
KINDS = ("captions",)  # of data
METRICS = (
    Metric("nats_per_token", "Cross-entropy", "nats per token", "lower"),
    *CAPTION_METRICS,
)


@dataclass(frozen=True)
class Config:
    """``attention`` lets every state look at the picture again, not the first input alone.

    ``channels`` is the width of the first convolution, doubled by the next two, or that to which
    the features of a photograph are mapped; ``units`` is the width of the decoder; ``longest``
    bounds decoding, in tokens; ``chunk`` is the batch of evaluation.
    """

    attention: bool
    channels: Natural
    embedding: Count
    units: Count
    attention_units: Count  # width in which states and features are compared
    dropout: Share
    batch: Count
    chunk: Count
    longest: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    shift: Natural  # pixels by which training scenes are moved at random
    examples: Natural


def seen_in(arrays: Arrays) -> str:
    """What a split holds of its pictures: "images", or "features" that are known already."""
    return "features" if "features" in arrays else "images"
