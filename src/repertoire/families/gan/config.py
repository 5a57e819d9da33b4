"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

TASKS = ("sample",)


@dataclass(frozen=True)
class Config:
    """``average`` is the decay of the averaged generator a step.

    ``spectral`` normalises the discriminator; ``gradient_penalty`` and ``r1`` are weights, 0 for
    none; ``critic_steps`` is the number of its steps, of ``batch`` images each, to one of the
    generator; ``momentum`` is the first of Adam's two decays.
    """

    latent: int
    generator_channels: int
    discriminator_channels: int
    loss: Literal["non_saturating", "wasserstein", "hinge"]
    spectral: bool
    gradient_penalty: float
    r1: float
    critic_steps: int
    batch: int
    chunk: int
    generator_rate: float
    discriminator_rate: float
    momentum: float
    average: float
    shift: int  # pixels by which real images are moved at random
    grid: int  # pictures a side
