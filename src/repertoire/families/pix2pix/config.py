"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.metrics.similarity import L1_LEVELS, SSIM

TASKS = ("translate_image",)
KINDS = ("image_pairs",)  # of data
METRICS = (
    L1_LEVELS,
    SSIM,
)
# The baselines see training pairs moved as the net does.
SAME_IN_BASELINE = {"shift": "shift", "mirrored": "mirrored"}


@dataclass(frozen=True)
class Config:
    """``depth`` levels of the U-Net; ``halvings`` of the discriminator decide its patches."""

    channels: Natural
    depth: Count
    dropout: Share
    discriminator_channels: Count
    halvings: Count
    l1_weight: NonNegative
    adversarial_weight: NonNegative
    batch: Count
    chunk: Count
    generator_rate: Positive
    discriminator_rate: Positive
    shift: Natural  # pixels by which training pairs are moved at random
    mirrored: bool  # whether half of them are mirrored
    shown: Natural  # pictures a row
