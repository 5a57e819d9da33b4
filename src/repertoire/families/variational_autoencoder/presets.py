"""Settings of a variational autoencoder for somebody's images, by their size and number."""

from collections.abc import Mapping
from typing import Any

from repertoire.contract import Preset
from repertoire.kinds.images.sizes import chunk_of, code_width, enough_epochs, fitting_batch

STEPS = 3000


def preset(facts: Mapping[str, Any], rows: int) -> Preset:
    """Bernoulli likelihood for black and white images, a logistic one of levels for others."""
    side, channels = facts["side"], facts["channels"]
    binary, small = facts.get("binary", True), side * side * channels <= 1024
    batch = fitting_batch(rows, 50)
    config = {
        "latent": 16 if binary else code_width(side, channels),
        "channels": 16,
        "units": 256,
        "blocks": 0,
        "conditional": False,
        "binarisation": "half" if binary else "none",
        "objective": "elbo",
        "training_samples": 1,
        "beta": 1.0,
        "free_bits": 0.0,
        "batch": batch,
        "chunk": chunk_of(side),
        "importance_samples": 50 if small else 10,
        "validation_samples": 1,
        "learning_rate": 0.004 if binary else 0.002,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "shift": 0,
        "grid": 10,
    }
    metric = "negative_elbo_nats" if binary else "bits_per_dimension"
    return Preset(config, metric, "lower", enough_epochs(rows, batch, STEPS))
