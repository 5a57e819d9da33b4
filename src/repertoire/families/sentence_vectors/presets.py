"""Settings for somebody's sentences, by how many there are to learn from."""

from repertoire.contract import Preset
from repertoire.kinds.sentences.facts import Facts

FEW = 5000  # sentences of training


def preset(facts: Facts, rows: int) -> Preset:
    """An autoencoder that is told half of the words before (Bowman et al. 2016, section 3.1)."""
    few = rows < FEW
    config = {
        "embedding": 64,
        "width": 128,  # that of the linear autoencoder beside it
        "word_dropout": 0.5,
        "noise": 0.05,
        "batch": 16 if few else 32,
        "chunk": 512,
        "learning_rate": 0.005 if few else 0.01,
        "warmup": 0.05,
        "clip_norm": 1.0,
        "weight_decay": 0.0,
        "queries": 12,
        "examples": 12,
        "map_sentences": 60,
        "between": 6,
    }
    return Preset(config, "exact_match_percent", "higher", 60 if few else 20)
