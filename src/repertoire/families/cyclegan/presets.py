"""Settings of a CycleGAN for somebody's two domains, by size and number of their images."""

from repertoire.contract import Preset
from repertoire.kinds.image_domains.facts import Facts
from repertoire.nn.sizes import halvings_of

STEPS = 8000  # of use at most, at the rate below
SMALL = 32  # pixels of a side up to which filters are small and the side is halved once
PATCHES = {32: 1, 64: 2, 128: 3}  # largest side -> halvings of a discriminator


def preset(facts: Facts, rows: int) -> Preset:
    """Narrow generators; the weights of the losses are those of Zhu et al. 2017.

    Few filters and a higher rate, for minutes on a processor. Gated by the Fréchet distance in the
    features of the evaluation classifiers; where there are none, in principal components. ``rows``
    are training images of both domains, of which the fewer decide the length of an epoch.
    """
    side, images = facts["side"], facts["training_images"]
    share = min(images["a"], images["b"]) / max(1, images["a"] + images["b"])
    fewer = max(1, round(rows * share))
    batch = max(1, min(4, fewer // 4))
    small = side <= SMALL
    config = {
        "channels": 8,
        "downs": 1 if small else min(2, halvings_of(side, 1)),
        "blocks": 2 if small else 3,
        "rim": 3 if small else 5,
        "discriminator_channels": 16,
        "halvings": next(count for most, count in PATCHES.items() if side <= most),
        "validity_weight": 1.0,
        "reconstruction_weight": 10.0,
        "identity_weight": 0.5 * 10.0,
        "past": 50,
        "batch": batch,
        "chunk": 50,
        "generator_rate": 0.002,
        "discriminator_rate": 0.001,
        "shift": facts["shift"],
        "mirrored": facts["mirrored"],
        "shown": 10,
    }
    metric = "frechet_distance" if "classifiers" in facts else "principal_frechet_distance"
    return Preset(config, metric, "lower", max(1, STEPS // max(1, fewer // batch)))
