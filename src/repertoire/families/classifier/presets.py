"""Settings of a classifier for texts of anybody, by how many there are."""

from repertoire.contract import Preset
from repertoire.kinds.labelled_texts.facts import Facts

MANY = 20_000  # texts from which on a recurrent net gains over a bag of words and pairs
COMMON = {
    "window": 3,
    "label_smoothing": 0.0,
    "chunk": 256,
    "warmup": 0.05,
    "clip_norm": 1.0,
    "weight_decay": 0.0,
    "seen": 10,
    "examples": 12,
}


def preset(facts: Facts, rows: int) -> Preset:
    """Embeddings of words and pairs, averaged; of many texts, a bidirectional LSTM.

    Joulin et al. 2017 ("Bag of Tricks for Efficient Text Classification") for the first. ``rows``
    are texts of training.
    """
    bag = {
        "model": "bag_average",
        "embedding": 64,
        "spread": 0.12,
        "units": 64,
        "ngrams": 2,
        "buckets": 16_384 if rows < MANY else 131_072,
        "pooling": "mean",
        "dropout": 0.5,
        "word_dropout": 0.2,
        "batch": 16 if rows < 2000 else 50 if rows < MANY else 512,
        "learning_rate": 0.005,
    }
    epochs = 20 if rows < 2000 else 10 if rows < MANY else 3
    averaged = Preset({**bag, **COMMON}, "accuracy_percent", "higher", epochs)
    if rows < MANY:
        return averaged
    recurrent = {
        "model": "bilstm",
        "embedding": 128,
        "spread": 0.05,
        "units": 128,
        "ngrams": 1,
        "buckets": 0,
        "pooling": "max",
        "dropout": 0.5,
        "word_dropout": 0.1,
        "batch": 64,
        "learning_rate": 0.002,
    }
    return Preset({**recurrent, **COMMON}, "accuracy_percent", "higher", 5, averaged)
