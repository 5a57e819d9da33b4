"""Settings of a variational autoencoder for somebody's images, by their size and number."""

from repertoire.contract import Preset
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.sizes import chunk_of, code_width, enough_epochs, fitting_batch

STEPS = 6000


def preset(facts: Facts, rows: int) -> Preset:
    """The likelihood is one of 8-bit levels, whatever the images are; codes as wide as baselines'.

    For black ink on white or the reverse, ``binarisation: half`` with the baselines of ``half``
    gives sharper images.
    """
    side, channels = facts["side"], facts["channels"]
    small = side * side * channels <= 1024
    batch = fitting_batch(rows, 32)
    config = {
        "latent": code_width(side, channels),
        "channels": 16,
        "units": 256,
        "blocks": 0,
        "conditional": False,
        "binarisation": "none",
        "objective": "elbo",
        "training_samples": 1,
        "beta": 1.0,
        "free_bits": 0.0,
        "batch": batch,
        "chunk": chunk_of(side),
        "importance_samples": 50 if small else 10,
        "validation_samples": 1,
        "learning_rate": 0.003,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "shift": 0,
        "grid": 10,
    }
    return Preset(config, "bits_per_dimension", "lower", enough_epochs(rows, batch, STEPS))
