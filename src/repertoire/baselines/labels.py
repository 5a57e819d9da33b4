"""Classifying without a net: the most frequent class, naive Bayes, logistic regression."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from repertoire.contract import Array, Data
from repertoire.metrics.classification import label_metrics


@dataclass(frozen=True)
class Config:
    """``smoothing`` is what naive Bayes adds to each count; ``strength`` the inverse of the
    logistic regression's penalty."""

    smoothing: float
    strength: float


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Every metric of each on the test split, from the same tokens that nets see."""
    # Imported late: only these baselines need it.
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB

    train, test = data.arrays("train"), data.arrays("test")
    labels, count = train["labels"], len(data.facts["classes"])
    known, asked = (bags(a["tokens"], data.facts["vocabulary"]) for a in (train, test))
    weights = TfidfTransformer(sublinear_tf=True).fit(known)
    bayes = MultinomialNB(alpha=config.smoothing).fit(known, labels)
    logistic = LogisticRegression(C=config.strength, max_iter=1000)
    logistic.fit(weights.transform(known), labels)
    guesses = {
        "majority": np.tile(
            np.log(np.bincount(labels, minlength=count) / len(labels)), (asked.shape[0], 1)
        ),
        "naive_bayes": bayes.predict_log_proba(asked),
        "tfidf_logistic": logistic.predict_log_proba(weights.transform(asked)),
    }
    return {
        f"{name}_{metric}": value
        for name, log_probs in guesses.items()
        for metric, value in label_metrics(log_probs, test["labels"]).items()
    }


def bags(tokens: Array, vocabulary: int) -> Any:
    """Sparse counts (rows, vocabulary) of each row's tokens, without padding and end."""
    from scipy.sparse import coo_matrix

    rows, places = np.nonzero(tokens > 1)
    ones = np.ones(len(rows))
    return coo_matrix((ones, (rows, tokens[rows, places])), (len(tokens), vocabulary)).tocsr()
