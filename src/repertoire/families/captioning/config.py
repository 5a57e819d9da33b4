"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.contract import Arrays

TASKS = ("caption",)


@dataclass(frozen=True)
class Config:
    """``attention`` lets every state look at the picture again, not the first input alone.

    ``channels`` is the width of the first convolution, doubled by the next two, or that to which
    the features of a photograph are mapped; ``units`` is the width of the decoder; ``longest``
    bounds decoding, in tokens; ``chunk`` is the batch of evaluation.
    """

    attention: bool
    channels: int
    embedding: int
    units: int
    attention_units: int  # width in which states and features are compared
    dropout: float
    batch: int
    chunk: int
    longest: int
    learning_rate: float
    warmup: float  # share of the steps
    clip_norm: float
    weight_decay: float
    shift: int  # pixels by which training scenes are moved at random
    examples: int


def seen_in(arrays: Arrays) -> str:
    """What a split holds of its pictures: "images", or "features" that are known already."""
    return "features" if "features" in arrays else "images"
