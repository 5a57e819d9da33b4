"""Translation without learning: copy, the most frequent target, the nearest known source."""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count
from repertoire.contract import Data
from repertoire.metrics.text import signatures, text_metrics, variety

NAMES = (  # patterns of the metrics that a gate may name
    r"(copy|most_frequent|nearest_neighbour)_\w+_percent",
)


@dataclass(frozen=True)
class Config:
    """``gram`` is the longest character n-gram by which sources are compared."""

    gram: Count


def baselines(config: Config, data: Data) -> dict[str, float | str]:
    """Exact match, chrF, BLEU and what else the data ask for, on the test split, in percent."""
    train, test = data.texts("train"), data.texts("test")
    measures = data.facts.get("measures", ())
    values, counts = np.unique(train["target"], return_counts=True)
    guesses = {
        "copy": test["source"],
        "most_frequent": [str(values[counts.argmax()])] * len(test["source"]),
        "nearest_neighbour": _nearest(config, train, test["source"]),
    }
    metrics: dict[str, float | str] = {
        f"{name}_{metric}": value
        for name, guess in guesses.items()
        for metric, value in text_metrics(guess, test["target"], measures).items()
    }
    if "variety" in measures:
        metrics |= {f"reference_{name}": value for name, value in variety(test["target"]).items()}
    return {**metrics, **{f"{name}_signature": s for name, s in signatures(measures).items()}}


def _nearest(config: Config, train: dict[str, list[str]], sources: list[str]) -> list[str]:
    """A translation memory: the target of the training source with the closest n-grams."""
    # Imported late: only this baseline needs it.
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, config.gram), lowercase=True)
    known = vectors.fit_transform(train["source"])
    asked = vectors.transform(sources)
    best: list[int] = []
    for start in range(0, asked.shape[0], 256):
        best += (asked[start : start + 256] @ known.T).toarray().argmax(1).tolist()
    return [train["target"][index] for index in best]
