"""Classifying without a net: the most frequent class, naive Bayes, linear models of n-grams."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from repertoire.config import Count, NonNegative, Positive
from repertoire.contract import Array, Data
from repertoire.metrics.classification import label_metrics

NAMES = (  # patterns of the metrics that a gate may name
    r"(majority|naive_bayes|tfidf_logistic|nbsvm|(word|char)_tfidf_\w+)_(\w+_percent|nats_per_text)",
)
INTERPOLATION = 0.25  # of the machine with naive Bayes (Wang and Manning 2012, section 2.3)
# What a margin of a support vector machine, which is no probability, can be asked for.
RANKED = ("accuracy_percent", "roc_auc_percent", "f1_")


@dataclass(frozen=True)
class Rival:
    """A linear model over the n-grams of raw texts, from ``shortest`` to ``longest``.

    ``rarest`` is the number of texts that an n-gram must occur in, ``strength`` the inverse of the
    penalty. ``nbsvm`` weighs each n-gram by naive Bayes, the others by tf-idf.
    """

    model: Literal["nbsvm", "svm", "logistic"]
    unit: Literal["word", "char"]
    shortest: Count
    longest: Count
    rarest: Count
    strength: Positive


@dataclass(frozen=True)
class Config:
    """``smoothing`` is what naive Bayes adds to each count; ``strength`` the inverse of the
    logistic regression's penalty. ``rivals`` see raw texts instead of the tokens of nets."""

    smoothing: NonNegative
    strength: Positive
    rivals: tuple[Rival, ...]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Every metric of each on the test split."""
    labels, classes = data.arrays("test")["labels"], data.facts["classes"]
    found = {
        f"{name}_{metric}": value
        for name, log_probs in _of_tokens(config, data).items()
        for metric, value in label_metrics(log_probs, labels, classes).items()
    }
    for rival in config.rivals:
        scores = _of_texts(rival, data)
        name = "nbsvm" if rival.model == "nbsvm" else f"{rival.unit}_tfidf_{rival.model}"
        found |= {
            f"{name}_{metric}": value
            for metric, value in label_metrics(scores, labels, classes).items()
            if rival.model == "logistic" or metric.startswith(RANKED)
        }
    return found


def _of_tokens(config: Config, data: Data) -> dict[str, Array]:
    """Log-probabilities (rows, classes) by model, from the same tokens that nets see."""
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
    return {
        "majority": np.tile(
            np.log(np.bincount(labels, minlength=count) / len(labels)), (asked.shape[0], 1)
        ),
        "naive_bayes": bayes.predict_log_proba(asked),
        "tfidf_logistic": logistic.predict_log_proba(weights.transform(asked)),
    }


def _of_texts(rival: Rival, data: Data) -> Array:
    """Log-probabilities (rows, two classes); of a margin as if it were their difference."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    weighted = rival.model == "nbsvm"
    reader = CountVectorizer(binary=True) if weighted else TfidfVectorizer(sublinear_tf=True)
    lengths = (rival.shortest, rival.longest)
    reader.set_params(analyzer=rival.unit, ngram_range=lengths, min_df=rival.rarest)
    reader.set_params(token_pattern=r"\S+")  # says nothing to characters
    labels = data.arrays("train")["labels"]
    known = reader.fit_transform(data.texts("train")["text"])
    asked = reader.transform(data.texts("test")["text"])
    if weighted:
        ratios = log_ratios(known, labels)
        known, asked = known.multiply(ratios).tocsr(), asked.multiply(ratios).tocsr()
    logistic = rival.model == "logistic"
    kind = LogisticRegression(max_iter=1000) if logistic else LinearSVC()
    model = kind.set_params(C=rival.strength).fit(known, labels)
    if weighted:
        even = np.abs(model.coef_).mean()
        model.coef_ = even + INTERPOLATION * (model.coef_ - even)
    margins = model.decision_function(asked)
    return np.stack([-np.logaddexp(0, margins), -np.logaddexp(0, -margins)], axis=1)


def log_ratios(counts: Any, labels: Array) -> Array:
    """Of each feature how much likelier it is in class 1 than in class 0, in nats; counts + 1.

    Wang and Manning 2012, section 2.1.
    """
    sums = [np.asarray(counts[labels == c].sum(0)).ravel() + 1.0 for c in (0, 1)]
    return np.log(sums[1] / sums[1].sum()) - np.log(sums[0] / sums[0].sum())


def bags(tokens: Array, vocabulary: int) -> Any:
    """Sparse counts (rows, vocabulary) of each row's tokens, without padding and end."""
    from scipy.sparse import coo_matrix

    rows, places = np.nonzero(tokens > 1)
    ones = np.ones(len(rows))
    return coo_matrix((ones, (rows, tokens[rows, places])), (len(tokens), vocabulary)).tocsr()
