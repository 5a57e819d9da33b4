"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.baselines.ratings import Config as Rivals

TASKS = ("recommend",)


@dataclass(frozen=True)
class Config:
    """``variational`` tells Mult-VAE from Mult-DAE, whose code is a point and whose beta is idle.

    ``linear`` adds a map from items to items beside the code. ``beta`` is the cap of the
    divergence's weight, reached after the share ``anneal`` of the steps. ``dropout`` hides that
    share of a history in training, and the share ``blank`` of histories as a whole, so that the net
    learns what to say to someone unknown. An epoch is ``passes`` passes over the users. ``count``
    items make a list, 100 at least for its metrics; ``rivals`` are those drawn beside the net.
    """

    variational: bool
    linear: bool
    units: int
    latent: int
    beta: float
    anneal: float
    dropout: float
    blank: float
    count: int
    batch: int
    passes: int
    chunk: int
    learning_rate: float
    warmup: float  # share of the steps
    weight_decay: float
    examples: int
    rivals: Rivals
