"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("sample",)


@dataclass(frozen=True)
class Config:
    """``average`` is the decay of the averaged generator a step."""

    latent: int
    generator_channels: int
    discriminator_channels: int
    batch: int
    chunk: int
    generator_rate: float
    discriminator_rate: float
    average: float
    shift: int  # pixels by which real images are moved at random
    grid: int  # pictures a side
