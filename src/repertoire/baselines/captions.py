"""Captions without nets: the most frequent one, and that of the nearest known picture."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.data.captions import references
from repertoire.metrics.bleu import caption_metrics

NAMES = (  # patterns of the metrics that a gate may name
    r"(most_frequent_caption|nearest_picture)_(exact_match|bleu_\d)_percent",
)


@dataclass(frozen=True)
class Config:
    """``components``: the principal components in which pictures are compared."""

    components: Count
    seed: Seed


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Exact match and BLEU of each on the test split, in percent."""
    known, wanted = (references(data.texts(split)) for split in ("train", "test"))
    counts = Counter(text for row in known for text in row)
    most = max(counts.values())
    first = min(text for text, count in counts.items() if count == most)
    nearest = nearest_pictures(config, *(_compared(data.arrays(s)) for s in ("train", "test")))
    guesses = {
        "most_frequent_caption": [first] * len(wanted),
        "nearest_picture": [known[index][0] for index in nearest],
    }
    return {
        f"{name}_{metric}": value
        for name, guess in guesses.items()
        for metric, value in caption_metrics(guess, wanted).items()
    }


def _compared(arrays: Arrays) -> Array:
    """What is known of whole photographs, or else the pixels."""
    return arrays["pooled"] if "pooled" in arrays else arrays["images"]


def nearest_pictures(config: Config, known: Array, asked: Array) -> Array:
    """For each picture asked, the number of the known one at the least Euclidean distance."""
    # Imported late: only this baseline needs it.
    from sklearn.decomposition import PCA

    components = PCA(config.components, svd_solver="randomized", random_state=config.seed)
    flat = known.reshape(len(known), -1).astype(np.float32)
    first = components.fit_transform(flat)
    second = components.transform(asked.reshape(len(asked), -1).astype(np.float32))
    length = (first**2).sum(1)
    best = [(length - 2 * row @ first.T).argmin() for row in second]
    return np.array(best, np.int64)
