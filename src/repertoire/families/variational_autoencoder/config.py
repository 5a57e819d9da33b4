"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

from repertoire.config import Count, Natural, NonNegative, Positive, RepertoireError, Share
from repertoire.measured import Metric
from repertoire.metrics.generation import FRECHET_DISTANCE, PIXEL_COVERAGE

TASKS = ("reconstruct", "sample", "interpolate", "blend")
KINDS = ("images",)  # of data
METRICS = (
    Metric("negative_elbo_nats", "Negative ELBO", "nats per image", "lower", against="nats"),
    Metric(
        "negative_iwae_{n:d}_nats",
        "Negative IWAE-{n} bound",
        "nats per image",
        "lower",
        against="nats",
    ),
    Metric(
        "negative_conditional_elbo_nats",
        "Negative ELBO, class-conditional",
        "nats per image",
        "lower",
        against="conditional_nats",
    ),
    Metric(
        "negative_conditional_iwae_{n:d}_nats",
        "Negative IWAE-{n} bound, class-conditional",
        "nats per image",
        "lower",
        against="conditional_nats",
    ),
    Metric(
        "negative_drawn_elbo_nats",
        "Negative ELBO, stochastic binarisation",
        "nats per image",
        "lower",
        against="drawn_nats",
    ),
    Metric(
        "negative_drawn_iwae_{n:d}_nats",
        "Negative IWAE-{n} bound, stochastic binarisation",
        "nats per image",
        "lower",
        against="drawn_nats",
    ),
    Metric("bits_per_dimension", "Negative ELBO of 8-bit levels", "bits per dimension", "lower"),
    Metric(
        "iwae_{n:d}_bits_per_dimension",
        "Negative IWAE-{n} bound of 8-bit levels",
        "bits per dimension",
        "lower",
        against="bits_per_dimension",
    ),
    Metric(
        "conditional_bits_per_dimension",
        "Negative ELBO of 8-bit levels, class-conditional",
        "bits per dimension",
        "lower",
    ),
    Metric(
        "conditional_iwae_{n:d}_bits_per_dimension",
        "Negative IWAE-{n} bound of 8-bit levels, class-conditional",
        "bits per dimension",
        "lower",
        against="conditional_bits_per_dimension",
    ),
    Metric("divergence_nats", "KL divergence from the prior", "nats per image", "lower"),
    Metric("active_units", "Active latent units", "units", "higher"),
    Metric(
        "reconstruction_mse", "Reconstruction error", "squared, a pixel", "lower", against="mse"
    ),
    FRECHET_DISTANCE,
    PIXEL_COVERAGE,
    Metric(
        "label_agreement_percent",
        "Samples of the class asked for, by the evaluation classifier",
        "%",
        "higher",
    ),
    Metric(
        "class_change_percent",
        "Images changed to the class asked for, by the evaluation classifier",
        "%",
        "higher",
    ),
)


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
