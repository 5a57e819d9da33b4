"""What a recipe of this family says."""

from dataclasses import dataclass

TASKS = ("translate_image",)


@dataclass(frozen=True)
class Config:
    """``downs`` halvings and ``blocks`` of a generator; ``halvings`` decide a judge's patches."""

    channels: int
    downs: int
    blocks: int
    rim: int  # side of the first and the last filters of a generator
    discriminator_channels: int
    halvings: int
    validity_weight: float
    reconstruction_weight: float
    identity_weight: float
    past: int  # translations of each domain that are kept for the judges; 0 keeps none
    batch: int
    chunk: int
    generator_rate: float
    discriminator_rate: float
    shift: int  # pixels by which training pictures are moved at random
    mirrored: bool  # whether half of them are mirrored
    shown: int  # pictures a row
