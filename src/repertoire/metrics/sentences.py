"""What vectors of sentences keep: words in their places, order, kind; pure functions of arrays.

Rows of tokens are padded with 0 and end with one end token.
"""

from collections.abc import Callable

import numpy as np

from repertoire.contract import Array
from repertoire.metrics.word_vectors import average_ranks, unit_rows

PROBED = 3000  # training sentences that a probe learns from
PENALTY = 1e-2  # of a probe, times the mean of the features' squares
Vectors = Callable[[Array], Array]  # tokens (rows, time) -> (rows, width)


def written_metrics(written: Array, tokens: Array, unknown: int) -> dict[str, float]:
    """Share of tokens, the end among them, written in their place, and of whole sentences.

    An unknown token is never right: nobody knows which word it stands for.
    """
    guess = np.zeros_like(tokens)
    width = min(written.shape[1], tokens.shape[1])
    guess[:, :width] = written[:, :width]
    real = tokens != 0
    right = (guess == tokens) & (tokens != unknown)
    return {
        "token_accuracy_percent": 100 * float(right[real].mean()),
        "exact_match_percent": 100 * float((right | ~real).all(1).mean()),
    }


def kept_metrics(vectors: Vectors, train: Array, held: Array, question: int) -> dict[str, float]:
    """Three uses of vectors that know nothing of them but their cosines and a linear probe.

    Order: a sentence told from itself with two neighbours swapped (Conneau et al. 2018, "bigram
    shift"; even odds). Questions: those that end with the sign ``question`` told from others
    without their last sign. Recall: a sentence found again without one of its words.
    """
    train = train[np.linspace(0, len(train) - 1, min(PROBED, len(train))).astype(int)]
    return {
        "order_accuracy_percent": 100 * _order(vectors, train, held),
        "question_auc_percent": 100 * _questions(vectors, train, held, question),
        "recall_percent": 100 * _recall(vectors, held),
    }


def lengths(tokens: Array) -> Array:
    """Tokens of each row, the end among them."""
    return (tokens != 0).sum(1)


def swapped(tokens: Array, seed: int) -> Array:
    """Each row with two neighbours that differ, chosen at random, in each other's place.

    A row without such a pair stays as it is; the end stays where it is.
    """
    rng = np.random.default_rng(seed)
    result = tokens.copy()
    for row, length in zip(result, lengths(tokens), strict=True):
        places = np.flatnonzero(row[: length - 2] != row[1 : length - 1])
        if places.size:
            place = rng.choice(places)
            row[[place, place + 1]] = row[[place + 1, place]]
    return result


def without(tokens: Array, places: Array) -> Array:
    """Each row without the token at its place."""
    keep = np.arange(tokens.shape[1]) != places[:, None]
    shorter = tokens[keep].reshape(len(tokens), -1)
    return np.column_stack((shorter, np.zeros(len(tokens), tokens.dtype)))


def probe(features: Array, labels: Array, asked: Array) -> Array:
    """Scores of ``asked`` by ridge regression of labels 0 and 1 on standardised features."""
    mean, scale = features.mean(0), features.std(0) + 1e-6
    known, new = ((f - mean) / scale for f in (features, asked))
    squares = known.T @ known
    squares += PENALTY * len(known) * np.eye(len(squares))
    weights = np.linalg.solve(squares, known.T @ (labels - labels.mean()))
    scores: Array = new @ weights + labels.mean()
    return scores


def roc_auc(scores: Array, labels: Array) -> float:
    """Chance that a row of label 1 outranks one of label 0, ties counted half."""
    ones = int(labels.sum())
    zeros = len(labels) - ones
    total = average_ranks(scores)[labels == 1].sum() - ones * (ones + 1) / 2
    return float(total / max(1, ones * zeros)) if ones and zeros else 0.5


def _order(vectors: Vectors, train: Array, held: Array) -> float:
    def both(tokens: Array, seed: int) -> Array:
        return vectors(np.concatenate((tokens, swapped(tokens, seed)))).astype(np.float64)

    scores = probe(both(train, 0), np.repeat([0.0, 1.0], len(train)), both(held, 1))
    plain, mixed = np.split(scores, 2)
    # A tie, as of vectors that know no order, is half right.
    right = np.concatenate((plain < 0.5, mixed > 0.5)).mean()
    return float(right) if not np.allclose(plain, mixed, atol=1e-6) else 0.5


def _questions(vectors: Vectors, train: Array, held: Array, question: int) -> float:
    def parts(tokens: Array) -> tuple[Array, Array]:
        last = lengths(tokens) - 2
        labels = np.take_along_axis(tokens, last[:, None], 1)[:, 0] == question
        return vectors(without(tokens, last)).astype(np.float64), labels.astype(np.float64)

    (known, labels), (asked, truth) = parts(train), parts(held)
    return roc_auc(probe(known, labels, asked), truth)


def _recall(vectors: Vectors, held: Array) -> float:
    places = np.random.default_rng(2).integers(0, lengths(held) - 2)
    whole, part = (unit_rows(vectors(t).astype(np.float64)) for t in (held, without(held, places)))
    return float(((part @ whole.T).argmax(1) == np.arange(len(held))).mean())
