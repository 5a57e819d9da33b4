"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive
from repertoire.kinds.image_domains import metrics

TASKS = ("translate_image",)
KINDS = ("image_domains",)  # of data
METRICS = metrics.METRICS


@dataclass(frozen=True)
class Config:
    """``downs`` halvings and ``blocks`` of a generator; ``halvings`` of a discriminator."""

    channels: Natural
    downs: Count
    blocks: Natural
    rim: Natural  # side of the first and the last filters of a generator
    discriminator_channels: Count
    halvings: Count
    validity_weight: NonNegative
    reconstruction_weight: NonNegative
    identity_weight: NonNegative
    past: Natural  # translations of each domain that are kept for the discriminators; 0 keeps none
    batch: Count
    chunk: Count
    generator_rate: Positive
    discriminator_rate: Positive
    shift: Natural  # pixels by which training pictures are moved at random
    mirrored: bool  # whether half of them are mirrored
    shown: Natural  # pictures a row
