"""Settings of an autoencoder for somebody's images, by their size and number."""

from typing import Any

from repertoire.contract import Preset
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.sizes import chunk_of, code_width, enough_epochs, fitting_batch
from repertoire.metrics.pictures import level_error

DENSE = 1024  # values of an image up to which linear maps are no larger than convolutions
STEPS = 6000


def preset(facts: Facts, rows: int) -> Preset:
    """Linear maps for small images, convolutions for others; codes as wide as the baseline's."""
    side, channels = facts["side"], facts["channels"]
    dense = side * side * channels <= DENSE
    batch = fitting_batch(rows, 50)
    config: dict[str, Any] = {
        "layers": "dense" if dense else "convolutional",
        "latent": code_width(side, channels),
        "units": [512] if dense else [],
        "channels": 0 if dense else 16,
        "corruption": {},
        "batch": batch,
        "chunk": chunk_of(side),
        "learning_rate": 0.004 if dense else 0.006,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "shift": 0,
        "grid": 10,
    }
    return Preset(config, level_error(channels), "lower", enough_epochs(rows, batch, STEPS))
