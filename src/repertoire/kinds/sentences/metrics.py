"""What vectors of sentences keep: words in their places, order, kind; pure functions of arrays.

Rows of tokens are padded with 0 and end with one end token.
"""

from collections.abc import Callable

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric
from repertoire.metrics.bleu import EXACT_MATCH
from repertoire.metrics.uncertainty import values
from repertoire.metrics.word_vectors import average_ranks, unit_rows

METRICS = (
    EXACT_MATCH,
    Metric("token_accuracy_percent", "Position-wise token accuracy", "%", "higher"),
    Metric("order_accuracy_percent", "Order told from swapped neighbours", "%", "higher"),
    Metric("question_auc_percent", "Area under the ROC curve, questions", "%", "higher"),
    Metric("recall_percent", "Found again without one word", "%", "higher"),
)

PROBED = 3000  # training sentences that a probe learns from
PENALTY = 1e-2  # of a probe, times the mean of the features' squares
Vectors = Callable[[Array], Array]  # tokens (rows, time) -> (rows, width)


def written_metrics(written: Array, tokens: Array, unknown: int) -> dict[str, float]:
    """Share of tokens, the end among them, written in their place, and of whole sentences.

    An unknown token is never right: nobody knows which word it stands for.
    """
    return values((written_measurement(written, tokens, unknown),))


def written_measurement(written: Array, tokens: Array, unknown: int) -> Measurement:
    """The metrics of ``written_metrics`` by sentence."""
    guess = np.zeros_like(tokens)
    width = min(written.shape[1], tokens.shape[1])
    guess[:, :width] = written[:, :width]
    real = tokens != 0
    right = (guess == tokens) & (tokens != unknown)
    found, counts, whole = (right & real).sum(1), real.sum(1), (right | ~real).all(1)

    def measure(rows: Array) -> dict[str, float]:
        return {
            "token_accuracy_percent": 100 * float(found[rows].sum() / counts[rows].sum()),
            "exact_match_percent": 100 * float(whole[rows].mean()),
        }

    return Measurement(len(tokens), measure)


def kept_metrics(
    vectors: Vectors, train: Array, held: Array, question: int | None
) -> dict[str, float]:
    """Three uses of vectors that know nothing of them but their cosines and a linear probe.

    Order: a sentence told from itself with two neighbours swapped (Conneau et al. 2018, "bigram
    shift"; even odds). Questions: those that end with the sign ``question`` told from others
    without their last sign, not asked where that sign is None. Recall: a sentence found again
    without one of its words.
    """
    return values((kept_measurement(vectors, train, held, question),))


def kept_measurement(
    vectors: Vectors, train: Array, held: Array, question: int | None
) -> Measurement:
    """The metrics of ``kept_metrics`` by sentence."""
    train = train[np.linspace(0, len(train) - 1, min(PROBED, len(train))).astype(int)]
    order, found = _order(vectors, train, held), _found(vectors, held)
    asked = None if question is None else _questions(vectors, train, held, question)

    def measure(rows: Array) -> dict[str, float]:
        questions = (
            {"question_auc_percent": 100 * roc_auc(*(part[rows] for part in asked))}
            if asked
            else {}
        )
        return {
            "order_accuracy_percent": 100 * float(order[rows].mean()),
            **questions,
            "recall_percent": 100 * float(found[rows].mean()),
        }

    return Measurement(len(held), measure)


def lengths(tokens: Array) -> Array:
    """Tokens of each row, the end among them."""
    return (tokens != 0).sum(1)


def nats_measurement(nats: Array, counts: Array) -> Measurement:
    """Nats per token, of the nats and the number of tokens of each sentence."""

    def measure(rows: Array) -> dict[str, float]:
        return {"nats_per_token": float(nats[rows].sum() / counts[rows].sum())}

    return Measurement(len(nats), measure)


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


def _order(vectors: Vectors, train: Array, held: Array) -> Array:
    """Of each sentence how many of the two answers are right, as a share."""

    def both(tokens: Array, seed: int) -> Array:
        return vectors(np.concatenate((tokens, swapped(tokens, seed)))).astype(np.float64)

    scores = probe(both(train, 0), np.repeat([0.0, 1.0], len(train)), both(held, 1))
    plain, mixed = np.split(scores, 2)
    # A tie, as of vectors that know no order, is half right.
    if np.allclose(plain, mixed, atol=1e-6):
        return np.full(len(held), 0.5)
    return ((plain < 0.5).astype(np.float64) + (mixed > 0.5)) / 2


def _questions(vectors: Vectors, train: Array, held: Array, question: int) -> tuple[Array, Array]:
    """Of each sentence a score, and whether it is a question."""

    def parts(tokens: Array) -> tuple[Array, Array]:
        last = lengths(tokens) - 2
        labels = np.take_along_axis(tokens, last[:, None], 1)[:, 0] == question
        return vectors(without(tokens, last)).astype(np.float64), labels.astype(np.float64)

    (known, labels), (asked, truth) = parts(train), parts(held)
    return probe(known, labels, asked), truth


def _found(vectors: Vectors, held: Array) -> Array:
    """Of each sentence whether it is the nearest to itself without one of its words."""
    places = np.random.default_rng(2).integers(0, lengths(held) - 2)
    whole, part = (unit_rows(vectors(t).astype(np.float64)) for t in (held, without(held, places)))
    return np.asarray((part @ whole.T).argmax(1) == np.arange(len(held)))
