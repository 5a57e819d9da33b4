"""What a recipe of this family says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from repertoire.config import Count, Natural, NonNegative, Positive, Share
from repertoire.contract import Array, Arrays, Port
from repertoire.kinds.strokes import metrics
from repertoire.measured import Metric

TASKS = ("write",)
KINDS = ("strokes",)  # of data
METRICS = (
    *metrics.METRICS,
    Metric("text_gain_nats", "Gain of the right text over a wrong one", "nats per point", "higher"),
)
LAYERS = 2


@dataclass(frozen=True)
class Config:
    """``conditional`` nets read the text they write through ``windows`` Gaussians.

    ``components`` are those of the mixture over pen offsets. ``draw_points`` bounds a drawing,
    ``examples`` the words that are drawn, ``bias`` is that of the neater drawings.
    """

    conditional: bool
    units: Count
    components: Count
    windows: Natural
    batch: Count
    chunk: Count
    learning_rate: Positive
    warmup: Share  # share of the steps
    clip_norm: Positive
    weight_decay: NonNegative
    draw_points: Natural
    examples: Natural
    bias: NonNegative


def state_ports(config: Config, facts: Mapping[str, Any]) -> tuple[Port, ...]:
    """What one call hands to the next besides the last point; each starts as zeros."""
    shape = (LAYERS, "batch", config.units)
    ports = (Port("hidden", "float32", shape), Port("cell", "float32", shape))
    if not config.conditional:
        return ports
    return (
        *ports,
        Port("place", "float32", ("batch", config.windows)),
        Port("letter", "float32", ("batch", facts["vocabulary"])),
    )


def texts(arrays: Arrays) -> Array:
    """Ids of the text of each row of a split; one column of padding where the data hold none."""
    return arrays.get("text", np.zeros((len(arrays["lengths"]), 1), np.int32))


def initial_states(config: Config, facts: Mapping[str, Any], batch: int) -> Arrays:
    """Zeros for the last point and every state."""
    ports = (Port("point", "float32", ("batch", 3)), *state_ports(config, facts))
    return {
        port.name: np.zeros([batch if isinstance(s, str) else s for s in port.shape], port.dtype)
        for port in ports
    }
