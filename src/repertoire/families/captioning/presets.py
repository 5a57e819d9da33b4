"""Settings for anybody's captioned images, by their number and by what sees them."""

from typing import Any

from repertoire.contract import Preset
from repertoire.kinds.captions.facts import Facts

STEPS = 4000  # after which captions of a few thousand images get no better
LONGEST = 512  # tokens that decoding may take
FEW = 800  # images; of a tenth of them, n-grams of three and four words have few matches


def preset(facts: Facts, rows: int) -> Preset:
    """Attention, as wide as the shipped recipes; less for few images, whose words are learned by
    heart otherwise.
    """
    counts = facts["photographs" if "encoder" in facts else "images"]
    pairs = round(rows * facts["captions"]["train"] / counts["train"])
    few = rows < FEW
    batch = max(2, min(64 if pairs >= 2000 else 32, pairs // 4))
    config = {
        "attention": True,
        "embedding": 128 if few else 256,
        "units": 192 if few else 256,
        "batch": batch,
        "longest": min(LONGEST, facts["longest"] + 2),
        "warmup": 0.05,
        "clip_norm": 1.0,
        "weight_decay": 0.01,
        "examples": 12,
        **(_given() if "encoder" in facts else _learned(facts["side"], few)),
    }
    orders = [n for n in (4, 3, 2) if f"bleu_{n}_percent" not in facts["left_out"]]
    order = min([*orders[:1], 2 if few else 4]) if orders else 0
    metric = f"bleu_{order}_percent" if order else "exact_match_percent"
    epochs = max(3, min(60, STEPS * batch // max(1, pairs)))
    return Preset(config, metric, "higher", epochs)


def _given() -> dict[str, Any]:
    """With an encoder of photographs, as in the published recipes of Flickr8k."""
    return {
        "channels": 128,
        "attention_units": 64,
        "dropout": 0.5,
        "chunk": 50,
        "learning_rate": 0.002,
        "shift": 0,
    }


def _learned(side: int, few: bool) -> dict[str, Any]:
    """With an encoder that learns to see; images are moved, so that it learns shapes."""
    return {
        "channels": 12,
        "attention_units": 32,
        "dropout": 0.3 if few else 0.1,
        "chunk": 100,
        "learning_rate": 0.003,
        "shift": max(1, side // 28),
    }
