"""Settings for anybody's painting and photographs."""

from repertoire.contract import Preset
from repertoire.kinds.styles.facts import Facts

CROP = 96  # pixels; a step of twice as many takes four times as long


def preset(facts: Facts, rows: int) -> Preset:
    """As the shipped recipe: a third of the width of Johnson et al. 2016, for a processor.

    Style needs few photographs, so their number decides nothing. Their nets take 40,000 steps of
    four photographs; the loss falls slowly after the first thousand.
    """
    config = {
        "style": facts["styles"][0],
        "width": 12,
        "blocks": 2,
        "crop": min(CROP, facts["side"]),
        "batch": 1,
        "steps": 60,
        "variation_weight": 0.1,
        "learning_rate": 0.0015,
        "warmup": 0.1,
        "clip_norm": 1.0,
        "chunk": 3,
        "examples": 3,
    }
    return Preset(config, "perceptual_loss", "lower", 60)
