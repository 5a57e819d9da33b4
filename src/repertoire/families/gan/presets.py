"""Settings of an adversarial net for somebody's images, by their size and number."""

from repertoire.contract import Preset
from repertoire.kinds.images.facts import Facts
from repertoire.kinds.images.sizes import chunk_of, enough_epochs, fitting_batch
from repertoire.metrics.features import kind_of_features

STEPS = 4000


def preset(facts: Facts, rows: int) -> Preset:
    """Non-saturating loss with spectral normalisation, the steadiest of the losses when unwatched.

    Gated by the Fréchet distance, or by coverage where no features but pixels are known.
    """
    side = facts["side"]
    batch = fitting_batch(rows, 50)
    config = {
        "latent": 32 if side <= 32 else 64,
        "generator_channels": 24,
        "discriminator_channels": 16,
        "loss": "non_saturating",
        "spectral": True,
        "gradient_penalty": 0.0,
        "r1": 0.0,
        "critic_steps": 1,
        "batch": batch,
        "chunk": chunk_of(side),
        "generator_rate": 0.001,
        "discriminator_rate": 0.001,
        "momentum": 0.5,
        "average": 0.99,
        "shift": 0,
        "grid": 10,
    }
    epochs = enough_epochs(rows, batch, STEPS)
    if kind_of_features(facts) == "pixels":
        return Preset(config, "pixel_coverage_percent", "higher", epochs)
    return Preset(config, "frechet_distance", "lower", epochs)
