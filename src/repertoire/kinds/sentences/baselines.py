"""Sentences without a recurrent net: linear autoencoder, n-grams, vectors that know no order.

A vector of the same width is the same bottleneck: no linear map to a vector of that width and back
keeps more than principal components (Baldi and Hornik 1989). Latent semantic analysis and the mean
of word vectors are the usual vectors without training (Wieting et al. 2016), Kneser-Ney the
strongest n-grams (Chen and Goodman 1999). Sizes are chosen on validation sentences. All see the
words that the net sees, and no letters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.config import Count, Share
from repertoire.contract import Array, Data, Measurement
from repertoire.kinds.labelled_texts.baselines import bags
from repertoire.kinds.running_text.baselines import KneserNey
from repertoire.kinds.sentences.facts import Facts
from repertoire.kinds.sentences.metrics import (
    Vectors,
    kept_measurement,
    kept_metrics,
    lengths,
    nats_measurement,
    written_measurement,
    written_metrics,
)
from repertoire.kinds.word_vectors.baselines import (
    Candidate,
    best_by_metric,
    cooccurrences,
    positive_information,
    svd,
)
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

QUESTION_MARKS = "?？؟"
BASELINES = (
    Baseline("linear_autoencoder", "linear autoencoder"),
    Baseline("lsa", "latent semantic analysis"),
    Baseline("mean_words", "mean of PPMI + SVD words"),
    Baseline("majority", "most frequent class"),
    Baseline("unigram", "unigram"),
    Baseline("vectorless", "Kneser–Ney {vectorless_order:.0f}-gram, given no vector"),
)


@dataclass(frozen=True)
class Config:
    """``width`` is that of the net's vector. The others are candidates.

    ``powers`` of its share weigh each word down in the linear autoencoder, ``widths`` are those of
    latent semantic analysis, ``windows`` those of the counts of neighbours. ``orders`` are those of
    the n-gram model, which count the predicted token.
    """

    width: Count
    powers: tuple[Share, ...]
    widths: tuple[Count, ...]
    windows: tuple[Count, ...]
    orders: tuple[Count, ...]


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """What each keeps of the test sentences, by the nets' own metrics.

    The n-gram model sees no vector: how much better a decoder is shows what the vector tells.
    """
    train, valid, test = (data.arrays(split)["tokens"] for split in ("train", "valid", "test"))
    size = data.facts["vocabulary"]
    models = {order: KneserNey(_stream(train), order, size) for order in (1, *config.orders)}
    order = min(config.orders, key=lambda order: _nats(models[order], valid))
    found = Scores()
    best_by_metric(found, "linear_autoencoder", _linear(config, data))
    best_by_metric(found, "lsa", _lsa(config, data))
    best_by_metric(found, "mean_words", _mean_words(config, data))
    even = Measurement(len(test), lambda rows: {"order_accuracy_percent": 50.0})
    found.measure("majority", even)
    found.measure("unigram", _by_sentence(models[1], test))
    found.measure("vectorless", _by_sentence(models[order], test))
    found["vectorless_order"] = float(order)
    return found


def _linear(config: Config, data: Data[Facts]) -> Iterator[Candidate]:
    train, valid, test = (data.arrays(split)["tokens"] for split in ("train", "valid", "test"))
    size, unknown = data.facts["vocabulary"], data.facts["unknown"]
    for power in config.powers:
        write = linear_autoencoder(train, size, config.width, power)
        known = written_metrics(write(valid), valid, unknown)
        yield {"power": power}, known, (written_measurement(write(test), test, unknown),)


def _lsa(config: Config, data: Data[Facts]) -> Iterator[Candidate]:
    train, size = data.arrays("train")["tokens"], data.facts["vocabulary"]
    for width in config.widths:
        yield {"width": width}, *_kept(lsa(train, size, width), data)


def _mean_words(config: Config, data: Data[Facts]) -> Iterator[Candidate]:
    train, size = data.arrays("train")["tokens"], data.facts["vocabulary"]
    for window in config.windows:
        yield {"window": window}, *_kept(mean_words(train, size, config.width, window), data)


def _kept(vectors: Vectors, data: Data[Facts]) -> tuple[dict[str, float], tuple[Measurement, ...]]:
    train, valid, test = (data.arrays(split)["tokens"] for split in ("train", "valid", "test"))
    question = question_id(data)
    return (
        kept_metrics(vectors, train, valid, question),
        (kept_measurement(vectors, train, test, question),),
    )


def question_id(data: Data[Facts]) -> int | None:
    """The id of the question mark, or that of unknown tokens where no sentence has it.

    None where questions are left out, because too few sentences are some.
    """
    if "question_auc_percent" in data.facts.get("left_out", {}):
        return None
    tokenizer = data.encoding("text").tokenizer
    found = [tokenizer.token_to_id(sign) for sign in QUESTION_MARKS]
    return next((int(sign) for sign in found if sign is not None), int(data.facts["unknown"]))


def _stream(tokens: Array) -> Array:
    """One row after another; the end token becomes 0, which both models below end a line with."""
    flat = tokens[tokens != 0].astype(np.int64)
    return np.where(flat == 1, 0, flat)


def _nats(model: KneserNey, tokens: Array) -> float:
    return float(-model.log_probs(_stream(tokens)).mean())


def _by_sentence(model: KneserNey, tokens: Array) -> Measurement:
    counts = lengths(tokens)
    rows = np.repeat(np.arange(len(tokens)), counts)
    return nats_measurement(np.bincount(rows, -model.log_probs(_stream(tokens))), counts)


def linear_autoencoder(train: Array, size: int, width: int, power: float) -> Vectors:
    """Sentences -> tokens of their best linear code, the likeliest word place by place.

    Principal components of sentences as one-hot vectors of (place, word), each over its share to
    the ``power``: above 0, rare words count for more than their number.
    """
    from scipy.sparse import csr_matrix, diags
    from sklearn.decomposition import TruncatedSVD

    time = train.shape[1]

    def one_hot(tokens: Array) -> "csr_matrix[float]":
        columns = (np.arange(time) * size + tokens[:, :time]).ravel()
        starts = np.arange(0, tokens.shape[0] * time + 1, time)
        return csr_matrix((np.ones(columns.size), columns, starts), (len(tokens), time * size))

    known = one_hot(train)
    # Half a sentence for what never occurs, so that no weight is infinite.
    scale = ((np.asarray(known.sum(0)).ravel() + 0.5) / len(train)) ** -power
    weigh = diags(scale)
    model = TruncatedSVD(min(width, len(train) - 1), random_state=0).fit(known @ weigh)

    def written(tokens: Array) -> Array:
        padded = np.zeros((len(tokens), time), tokens.dtype)
        padded[:, : tokens.shape[1]] = tokens[:, :time]
        rebuilt = model.inverse_transform(model.transform(one_hot(padded) @ weigh)) / scale
        return np.asarray(rebuilt.reshape(len(tokens), time, size).argmax(2))

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


def mean_words(train: Array, size: int, width: int, window: int) -> Vectors:
    """The mean of the words' PPMI + SVD vectors (Levy et al. 2015)."""
    seen = cooccurrences(_stream(train), window, size)
    left, values = svd(positive_information(seen, 0.75), width)
    return partial(_mean, left * values**0.5)


def _mean(table: Array, tokens: Array) -> Array:
    counts = bags(tokens, len(table))
    total = np.asarray(counts.sum(1)).reshape(-1, 1)
    return np.asarray(counts @ table) / np.maximum(total, 1)
