"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, RepertoireError, Share

TASKS = ("reconstruct", "sample", "interpolate", "blend")
KINDS = ("images",)  # of data
METRICS = {  # pattern of names -> which value is better
    r"negative_(conditional_|drawn_)?(elbo|iwae_\d+)_nats": "lower",
    r"(conditional_)?(iwae_\d+_)?bits_per_dimension": "lower",
    "divergence_nats|reconstruction_mse|frechet_distance": "lower",
    "active_units|label_agreement_percent|class_change_percent": "higher",
    "pixel_coverage_percent": "higher",
}


@dataclass(frozen=True)
class Config:
    """``latent`` is the width of the code; ``blocks`` follow each convolution, 0 for none.

    ``conditional`` tells both nets the label. ``binarisation``: at ``half`` intensity, or each
    pixel drawn with its grey level's chance, once (``static``) or anew each epoch (``dynamic``).
    With ``none`` the 8-bit levels, grey or in colours, have a discretised logistic likelihood.
    ``training_samples`` codes an image make the objective, ``validation_samples`` the bound that
    chooses the epoch, ``importance_samples`` that of the test. ``chunk`` bounds the pictures that
    are decoded at once.
    """

    latent: Count
    channels: Natural
    units: Count
    blocks: Natural
    conditional: bool
    binarisation: Literal["half", "static", "dynamic", "none"]
    objective: Literal["elbo", "iwae"]
    training_samples: Count
    beta: NonNegative
    free_bits: NonNegative  # nats that each number of the code may hold for nothing
    batch: Count
    chunk: Count
    importance_samples: Count
    validation_samples: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    weight_decay: NonNegative
    shift: Natural  # pixels by which training images are moved at random
    grid: Natural  # pictures a side

    def __post_init__(self) -> None:
        if self.objective == "iwae" and (self.beta != 1 or self.free_bits > 0):
            raise RepertoireError(
                "config.objective: iwae has no divergence to weigh; set beta to 1, free_bits to 0"
            )
