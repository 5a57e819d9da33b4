"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import RepertoireError

TASKS = ("reconstruct", "sample", "interpolate", "blend")


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code; ``blocks`` follow each convolution, 0 for none.

    ``conditional`` tells both nets the label. ``binarisation``: at ``half`` intensity, or each
    pixel drawn with its grey level's chance, once (``static``) or anew each epoch (``dynamic``).
    ``training_samples`` codes an image make the objective; ``importance_samples`` the bound of the
    test. ``chunk`` bounds the pictures that are decoded at once.
    """

    latent: int
    channels: int
    units: int
    blocks: int
    conditional: bool
    binarisation: Literal["half", "static", "dynamic"]
    objective: Literal["elbo", "iwae"]
    training_samples: int
    beta: float
    free_bits: float  # nats that each number of the code may hold for nothing
    batch: int
    chunk: int
    importance_samples: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    shift: int  # pixels by which training images are moved at random
    grid: int  # pictures a side

    def __post_init__(self) -> None:
        if self.objective == "iwae" and (self.beta != 1 or self.free_bits > 0):
            raise RepertoireError(
                "config.objective: iwae has no divergence to weigh; set beta to 1, free_bits to 0"
            )
