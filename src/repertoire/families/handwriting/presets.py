"""Settings for somebody's own drawings or handwriting, by how many there are.

Graves 2013 takes 400 units and 20 components for thousands of lines, Ha and Eck 2017 512 and 20 for
70,000 drawings; on one core fewer do, and little data needs fewer still.
"""

from repertoire.contract import Preset
from repertoire.kinds.strokes.facts import Facts

FEW, MANY = 500, 5000  # drawings of training
MOST_DRAWN = 200  # points of a drawing in the report


def preset(facts: Facts, rows: int) -> Preset:
    """``rows`` of training; a net reads text where ``facts`` tell a vocabulary."""
    reads = facts["vocabulary"] > 0
    if rows < FEW:
        sizes = {"units": 64, "components": 8, "batch": 8, "learning_rate": 0.01}
        epochs = 40
    elif rows < MANY:
        sizes = {"units": 96, "components": 16, "batch": 16, "learning_rate": 0.01}
        epochs = 20
    else:
        sizes = {"units": 128, "components": 20, "batch": 64, "learning_rate": 0.005}
        epochs = 10
    config = {
        "conditional": reads,
        "windows": 4 if reads else 0,
        "chunk": 64,
        "warmup": 0.05,
        "clip_norm": 1.0,
        "weight_decay": 0.0,
        "draw_points": max(2, min(MOST_DRAWN, facts.get("usual_points", MOST_DRAWN))),
        "examples": 6,
        "bias": 1.0,
        **sizes,
    }
    return Preset(config, "nats_per_point", "lower", epochs)
