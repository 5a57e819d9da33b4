"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.metrics.generation import SAMPLE_METRICS

TASKS = ("sample",)
KINDS = ("images", "stacked_images")  # of data
METRICS = SAMPLE_METRICS


@dataclass(frozen=True)
class Config:
    """``average`` is the decay of the averaged generator a step.

    ``spectral`` normalises the discriminator; ``gradient_penalty`` and ``r1`` are weights, 0 for
    none; ``critic_steps`` is the number of its steps, of ``batch`` images each, to one of the
    generator; ``momentum`` is the first of Adam's two decays.
    """

    latent: Count
    generator_channels: Count
    discriminator_channels: Count
    loss: Literal["non_saturating", "wasserstein", "hinge"]
    spectral: bool
    gradient_penalty: NonNegative
    r1: NonNegative
    critic_steps: Count
    batch: Count
    chunk: Count
    generator_rate: Positive
    discriminator_rate: Positive
    momentum: Share
    average: Share
    shift: Natural  # pixels by which real images are moved at random
    grid: Natural  # pictures a side
