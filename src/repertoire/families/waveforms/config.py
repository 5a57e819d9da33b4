"""What a recipe of this family says."""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, NonNegative, Positive, Share
from repertoire.contract import Arrays, Port
from repertoire.kinds.waveforms import metrics

TASKS = ("continue", "likelihood")
KINDS = ("waveforms",)  # of data
METRICS = metrics.METRICS


@dataclass(frozen=True)
class Config:
    """``window``: how many last samples the net sees beside its state, the newest included.

    ``units`` is the width of the recurrent net, ``hidden`` that of the two layers of the
    perceptron, ``components`` the number of logistics. ``batch`` streams run side by side, cut
    every ``time`` samples. ``chunk`` is the number of samples in a scoring call.
    """

    window: Count
    units: Count
    hidden: Count
    components: Count
    batch: Count
    time: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    restart: Share  # chance that a stream's state starts anew at a window, as every request does
    clip_norm: Positive
    weight_decay: NonNegative


def state_ports(config: Config) -> tuple[Port, ...]:
    """What one call hands to the next; each starts as zeros, which is silence.

    ``context`` holds the decoded samples before, 1 being full scale.
    """
    hidden = Port("hidden", "float32", (1, "batch", config.units))
    return (hidden, Port("context", "float32", ("batch", config.window - 1), -1, 1))


def initial_states(config: Config, batch: int) -> Arrays:
    """Zeros for every state."""
    return {
        port.name: np.zeros([batch if isinstance(s, str) else s for s in port.shape], port.dtype)
        for port in state_ports(config)
    }
