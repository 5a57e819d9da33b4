"""Settings of pix2pix for somebody's pairs of images, by their size and number."""

from repertoire.contract import Preset
from repertoire.kinds.image_pairs.facts import Facts
from repertoire.nn.sizes import halvings_of

STEPS = 8000  # of use at most, at the rate below
INNERMOST = 2  # pixels of a side within the U-Net
PATCHES = {16: 1, 64: 2, 128: 3}  # largest side -> halvings of the discriminator


def preset(facts: Facts, rows: int) -> Preset:
    """A narrow U-Net over all scales of the image, patches of a quarter of a side or more.

    The weights of the losses and the rate of dropout are those of Isola et al. 2017; filters are
    fewer and the rate is higher, for minutes on a processor. ``rows`` are pairs of training.
    """
    side = facts["side"]
    batch = max(1, min(8, rows // 4))
    config = {
        "channels": 16,
        "depth": halvings_of(side, INNERMOST),
        "dropout": 0.2 if side <= 32 else 0.5,
        "discriminator_channels": 16,
        "halvings": next(count for most, count in PATCHES.items() if side <= most),
        "l1_weight": 100.0,
        "adversarial_weight": 1.0,
        "batch": batch,
        "chunk": 50,
        "generator_rate": 0.002,
        "discriminator_rate": 0.0005,
        "shift": facts["shift"],
        "mirrored": facts["mirrored"],
        "shown": 10,
    }
    return Preset(config, "l1_levels", "lower", max(1, STEPS // max(1, rows // batch)))
