"""Settings for somebody's rows or images, by how many there are and how wide they are.

The values of the recipes that ship; the code is a fraction of the values, or a net would give back
whatever comes.
"""

import math
from typing import Any

from repertoire.contract import Preset
from repertoire.kinds.novelty.facts import Facts

STEPS = 30  # of an epoch, at least


def preset(facts: Facts, rows: int) -> Preset:
    """``facts`` of ``kinds/novelty``; ``rows`` are normal ones of training."""
    values = math.prod(facts["shape"])
    own = _images(values) if "side" in facts else _table(values, rows)
    batch = 32 if rows < 10_000 else 128
    config = {
        **own,
        "beta": 1.0,
        "false_alarms": 0.05,
        "batch": batch,
        # Once through all rows, up to what takes a minute or so in ten epochs.
        "steps": min(1_000, max(STEPS, -(-rows // batch))),
        "chunk": 250,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "shift": 0,
        "grid": 10,
    }
    return Preset(config, "roc_auc_percent", "higher", epochs=30)


def _images(values: int) -> dict[str, Any]:
    return {
        "model": "autoencoder",
        "score": "plain",
        "latent": 16,
        "units": [128] if values <= 64 * 64 else [64],
        "noise": 0.3,
        "learning_rate": 0.006 if values <= 32 * 32 else 0.002,
    }


def _table(values: int, rows: int) -> dict[str, Any]:
    return {
        "model": "denoising",
        "score": "scaled",
        "latent": max(1, min(32, round(values / 4))),
        "units": [32] if values <= 40 and rows < 10_000 else [128],
        "noise": 0.5,
        "learning_rate": 0.006 if rows < 10_000 else 0.003,
    }
