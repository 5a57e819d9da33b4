"""Settings for somebody's own signals, by how many samples there are to learn from.

The window is the context of the linear prediction; SampleRNN and WaveRNN have thousands of units
for hours of speech, minutes on one core have less.
"""

from repertoire.contract import Preset
from repertoire.kinds.waveforms.facts import Facts

LITTLE, MUCH = 50_000, 1_000_000  # samples of training


def preset(facts: Facts, rows: int) -> Preset:
    """``rows`` of training, of which ``facts`` tell the mean length."""
    samples = rows * facts["samples"]["train"] / max(1, facts["rows"]["train"])
    if samples < LITTLE:
        sizes = {"units": 32, "hidden": 48, "batch": 8, "time": 64}
        epochs = 60
    elif samples < MUCH:
        sizes = {"units": 64, "hidden": 96, "batch": 16, "time": 64}
        epochs = 60
    else:
        sizes = {"units": 96, "hidden": 128, "batch": 64, "time": 128}
        epochs = 10
    config = {
        "window": 16,
        "components": 1,
        "chunk": 4096,
        "learning_rate": 0.004,
        "warmup": 0.05,
        "restart": 0.01,
        "clip_norm": 1.0,
        "weight_decay": 0.0,
        **sizes,
    }
    return Preset(config, "nats_per_sample", "lower", epochs)
