"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("translate_image",)


@dataclass(frozen=True)
class Config:
    """``depth`` levels of the U-Net; ``halvings`` of the discriminator decide its patches."""

    channels: int
    depth: int
    dropout: float
    discriminator_channels: int
    halvings: int
    l1_weight: float
    adversarial_weight: float
    batch: int
    chunk: int
    generator_rate: float
    discriminator_rate: float
    shift: int  # pixels by which training pairs are moved at random
    mirrored: bool  # whether half of them are mirrored
    shown: int  # pictures a row
