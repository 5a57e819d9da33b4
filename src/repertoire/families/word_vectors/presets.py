"""Settings for somebody's text, by how many words there are to learn from."""

from repertoire.contract import Preset
from repertoire.kinds.word_vectors.facts import Facts

FEW = 200_000  # words of training, below which a word's letters help (Bojanowski et al. 2017)
SAMPLING = {"window": 5, "negatives": 5, "noise_power": 0.75, "subsample": 0.001}


def preset(facts: Facts, rows: int) -> Preset:
    """Skip-gram (Mikolov et al. 2013); of few words with subwords, and wider of many."""
    words = facts["tokens"]["train"] * rows / max(1, facts["rows"]["train"])
    few = words < FEW
    config = {
        "model": "skip_gram",
        "width": 32 if few else 64 if words < 10 * FEW else 100,
        "min_n": 3 if few else 0,
        "max_n": 5 if few else 0,
        "buckets": 5000 if few else 0,
        "sampling": SAMPLING,
        "noise_words": 512,
        "length": 64,
        "batch": 4 if few else 16,
        "chunk": 2048,
        "learning_rate": 0.01,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "neighbours_of": 12,
        "map_words": 100,
    }
    epochs = 30 if few else 8 if words < 10 * FEW else 3
    return Preset(config, "skip_gram_nats", "lower", epochs)
