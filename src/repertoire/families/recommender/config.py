"""What a recipe of this family says."""

from dataclasses import dataclass

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.kinds.interactions import metrics
from repertoire.kinds.interactions.baselines import Config as Rivals
from repertoire.measured import Metric

TASKS = ("recommend",)
KINDS = ("interactions",)  # of data
METRICS = (
    *metrics.METRICS,
    Metric(
        "cold_start_spearman_percent",
        "Rank correlation of a cold start with popularity",
        "%",
        "higher",
    ),
)
SAME_IN_BASELINE = {"rivals": ""}


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
    units: Count
    latent: Count
    beta: NonNegative
    anneal: Share
    dropout: Share
    blank: Share
    count: Count
    batch: Count
    passes: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    weight_decay: NonNegative
    examples: Natural
    rivals: Rivals
