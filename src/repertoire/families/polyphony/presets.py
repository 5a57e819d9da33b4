"""Settings for somebody's own music, by how much of it there is.

Boulanger-Lewandowski et al. 2012 and Bai et al. 2018 take 100 to 200 units for some hundred pieces;
less music needs fewer, and dropout. Chords are nearly always better under NADE than as independent
notes.
"""

from repertoire.contract import Preset
from repertoire.kinds.piano_rolls.facts import Facts

LITTLE, MUCH = 10_000, 100_000  # frames of training
WIDE = 60  # notes of a range that makes the estimator dear
BARS = 4  # of four quarters, that the report composes


def preset(facts: Facts, rows: int) -> Preset:
    """``rows`` of training, of which ``facts`` tell the mean length."""
    frames = rows * facts["frames"]["train"] / max(1, facts["pieces"]["train"])
    if frames < LITTLE:
        sizes = {"units": 64, "hidden": 32, "dropout": 0.3, "batch": 2, "learning_rate": 0.02}
        epochs = 60
    elif frames < MUCH:
        sizes = {"units": 128, "hidden": 48, "dropout": 0.1, "batch": 4, "learning_rate": 0.02}
        epochs = 30
    else:
        sizes = {"units": 160, "hidden": 48, "dropout": 0.0, "batch": 8, "learning_rate": 0.02}
        epochs = 20
    if facts["notes"] > WIDE:
        sizes["hidden"] = 32
    config = {
        "cell": "lstm",
        "output": "nade",
        "layers": 1,
        "transpose": 5,
        "chunk": 16,
        "warmup": 0.05,
        "clip_norm": 1.0,
        "weight_decay": 0.01,
        "sample_frames": min(128, max(32, 4 * BARS * facts["steps_a_quarter"])),
        **sizes,
    }
    return Preset(config, "nats_per_frame", "lower", epochs)
