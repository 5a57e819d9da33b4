"""What a recipe of this family says."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.contract import Arrays, Port
from repertoire.kinds.piano_rolls import metrics

TASKS = ("compose",)
KINDS = ("piano_rolls",)  # of data
METRICS = metrics.METRICS


@dataclass(frozen=True)
class Config:
    """``cell`` is the recurrent net, ``output`` the distribution of a frame.

    ``hidden`` is the width of the estimator of ``nade`` alone. ``transpose``: a training piece is
    moved by up to so many semitones, as far as it stays within the range. ``chunk`` is the number
    of pieces in a scoring call, ``sample_frames`` the length of what the report composes.
    """

    cell: Literal["gru", "lstm"]
    output: Literal["bernoulli", "nade"]
    units: Count
    layers: Count
    hidden: Natural
    dropout: Share
    transpose: Natural
    batch: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    sample_frames: Count


def state_ports(config: Config) -> tuple[Port, ...]:
    """The recurrent states that one call hands to the next; each starts as zeros."""
    names = ("hidden", "cell") if config.cell == "lstm" else ("hidden",)
    shape = (config.layers, "batch", config.units)
    return tuple(Port(name, "float32", shape) for name in names)


def initial_states(config: Config, batch: int) -> Arrays:
    """Zeros for every recurrent state."""
    return {
        port.name: np.zeros([batch if isinstance(s, str) else s for s in port.shape], port.dtype)
        for port in state_ports(config)
    }
