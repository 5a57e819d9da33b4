"""Sentences without a recurrent net: linear autoencoder, n-grams, vectors that know no order."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.baselines.labels import bags
from repertoire.baselines.stream import KneserNey
from repertoire.baselines.vectors import cooccurrences, positive_information, svd
from repertoire.config import Count, Natural
from repertoire.contract import Array, Data
from repertoire.metrics.sentences import Vectors, kept_metrics, written_metrics

NAMES = (  # patterns of the metrics that a gate may name
    "linear_autoencoder_(exact_match|token_accuracy)_percent",
    "(lsa|mean_words|majority)_(order_accuracy|question_auc|recall)_percent",
    "(unigram|vectorless)_nats_per_token",
)


@dataclass(frozen=True)
class Config:
    """``width`` is that of every vector, ``window`` that of the counts of neighbours.

    ``order`` is that of the n-gram model, which counts the predicted token.
    """

    width: Count
    window: Natural
    order: Count


def baselines(config: Config, data: Data) -> dict[str, float]:
    """What each keeps of the test sentences, by the nets' own metrics.

    The n-gram model sees no vector: how much better a decoder is shows what the vector tells.
    """
    train, test = (data.arrays(split)["tokens"] for split in ("train", "test"))
    size, unknown = data.facts["vocabulary"], data.facts["unknown"]
    linear = written_metrics(linear_autoencoder(train, test, size, config.width), test, unknown)
    question = question_id(data)
    kinds = {"lsa": lsa(train, size, config.width), "mean_words": mean_words(train, size, config)}
    kept = {name: kept_metrics(made, train, test, question) for name, made in kinds.items()}
    grams = {"unigram": 1, "vectorless": config.order}
    return {
        **{f"linear_autoencoder_{metric}": value for metric, value in linear.items()},
        **{f"{name}_{m}": value for name, values in kept.items() for m, value in values.items()},
        "majority_order_accuracy_percent": 50.0,
        **{
            f"{name}_nats_per_token": _nats(KneserNey(_stream(train), order, size), test)
            for name, order in grams.items()
        },
        "vectorless_order": float(config.order),
    }


def question_id(data: Data) -> int:
    """The id of the question mark, or that of unknown tokens where no sentence has it."""
    found = data.encoding("text").tokenizer.token_to_id("?")
    return int(data.facts["unknown"] if found is None else found)


def _stream(tokens: Array) -> Array:
    """One row after another; the end token becomes 0, which both models below end a line with."""
    flat = tokens[tokens != 0].astype(np.int64)
    return np.where(flat == 1, 0, flat)


def _nats(model: KneserNey, tokens: Array) -> float:
    return float(-model.log_probs(_stream(tokens)).mean())


def linear_autoencoder(train: Array, asked: Array, size: int, width: int) -> Array:
    """Tokens of the best linear code of ``width`` numbers, the likeliest word place by place.

    Principal components of sentences as one-hot vectors of (place, word): no linear map to a
    vector of that width and back keeps more of their squares (Baldi and Hornik 1989).
    """
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    time = train.shape[1]

    def one_hot(tokens: Array) -> "csr_matrix[float]":
        columns = (np.arange(time) * size + tokens[:, :time]).ravel()
        starts = np.arange(0, tokens.shape[0] * time + 1, time)
        return csr_matrix((np.ones(columns.size), columns, starts), (len(tokens), time * size))

    known = one_hot(train)
    model = TruncatedSVD(min(width, len(train) - 1), random_state=0).fit(known)
    padded = np.zeros((len(asked), time), asked.dtype)
    padded[:, : asked.shape[1]] = asked[:, :time]
    rebuilt = model.inverse_transform(model.transform(one_hot(padded)))
    written: Array = rebuilt.reshape(len(asked), time, size).argmax(2)
    return written


def lsa(train: Array, size: int, width: int) -> Vectors:
    """Latent semantic analysis: tf-idf of words, and its largest singular directions."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.pipeline import make_pipeline

    counts = bags(train, size)
    width = min(width, min(counts.shape) - 1)
    model = make_pipeline(TfidfTransformer(), TruncatedSVD(width, random_state=0)).fit(counts)
    return lambda tokens: model.transform(bags(tokens, size))


def mean_words(train: Array, size: int, config: Config) -> Vectors:
    """The mean of the words' PPMI + SVD vectors."""
    seen = cooccurrences(_stream(train), config.window, size)
    left, values = svd(positive_information(seen, 0.75), config.width)
    return partial(_mean, left * values**0.5)


def _mean(table: Array, tokens: Array) -> Array:
    counts = bags(tokens, len(table))
    total = np.asarray(counts.sum(1)).reshape(-1, 1)
    return np.asarray(counts @ table) / np.maximum(total, 1)
