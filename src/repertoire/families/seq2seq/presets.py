"""Settings for somebody's pairs, by how many there are to learn from.

Few pairs want dropout, label smoothing (Szegedy et al. 2016) and many passes; of many, a training
of minutes sees each a few times. Attention is general (Luong et al. 2015) behind an encoder that
reads both ways (Bahdanau et al. 2015).
"""

from typing import NamedTuple

from repertoire.contract import Preset
from repertoire.kinds.pairs.facts import Facts

LONGEST = 512  # tokens that the decoder writes at most
SHORT = 12  # characters of targets that are names, numbers and dates: right or wrong as a whole


class Size(NamedTuple):
    """What suits at most so many training pairs."""

    pairs: float
    embedding: int
    units: int
    batch: int
    learning_rate: float
    dropout: float
    smoothing: float
    weight_decay: float
    epochs: int


SIZES = (
    Size(1000, 64, 96, 8, 0.003, 0.3, 0.1, 0.01, 60),
    Size(5000, 96, 128, 16, 0.003, 0.3, 0.1, 0.01, 30),
    Size(30_000, 128, 192, 32, 0.002, 0.2, 0.1, 0.01, 20),
    Size(float("inf"), 128, 256, 64, 0.002, 0.1, 0.1, 0.0, 10),
)
# Short targets by character follow rules that are learned whole, not guessed from likeness.
SHORT_SIZE = {"embedding": 32, "units": 64, "dropout": 0.1, "label_smoothing": 0.0}


def preset(facts: Facts, rows: int) -> Preset:
    """A bidirectional encoder and a decoder with attention for ``rows`` training pairs."""
    size = next(size for size in SIZES if rows <= size.pairs)
    short = facts["mean_target_characters"] <= SHORT
    config = {
        "bidirectional": True,
        "reverse_source": False,
        "peeky": False,
        "attention": "general",
        "embedding": size.embedding,
        "units": size.units,
        "dropout": size.dropout,
        "label_smoothing": size.smoothing,
        "batch": size.batch,
        "chunk": 128,
        "longest": min(LONGEST, facts["longest_target"] + 4),
        "beam": 4,
        "length_penalty": 0.0 if short else 1.0,
        "learning_rate": size.learning_rate,
        "warmup": 0.05,
        "clip_norm": 1.0,
        "weight_decay": size.weight_decay,
        "examples": 12,
    }
    if short:
        config |= {**SHORT_SIZE, "learning_rate": 0.006 if rows < 5000 else 0.012}
        config |= {"weight_decay": 0.0}
    metric = "exact_match_percent" if short else "chrf_percent"
    return Preset(config, metric, "higher", size.epochs)
