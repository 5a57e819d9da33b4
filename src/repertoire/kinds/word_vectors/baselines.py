"""Counting: vectors from co-occurrence counts, and the loss of smoothed counts themselves.

PPMI and truncated SVD are the strongest vectors by counting (Levy et al. 2015, sections 6 and 7);
the shift and the window are not candidates: that paper advises against a shift before an SVD, and
nets and counts see one window. The nets' losses have rivals in the same score: a word's neighbours
by smoothed bigram counts; a word by naive Bayes given its neighbours. None of them sees letters,
as a net with subwords does; analogies of grammar are told by letters.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from repertoire.config import Count, NonNegative, Positive
from repertoire.contract import Array, Data, Measurement
from repertoire.kinds.word_vectors.windows import (
    END,
    FIRST,
    Sampling,
    held_out_windows,
    keep_probability,
    noise_distribution,
    thinned_words,
)
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores, values
from repertoire.metrics.word_vectors import (
    judged_measurements,
    judged_metrics,
    judged_sets,
    negative_sampling_measurement,
    negative_sampling_nats,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BASELINES = (
    Baseline("counts", "smoothed counts"),
    Baseline("unigram", "unigram"),
    Baseline("naive_bayes", "naive Bayes"),
    Baseline("ppmi_svd", "PPMI + SVD"),
)
# Settings, the metrics of the validation split that they lead to, and those of the test split.
Candidate: TypeAlias = tuple[dict[str, float], dict[str, float], tuple[Measurement, ...]]
# Logits of pairs and which of them are real, those of noise words, and negatives a pair.
Told: TypeAlias = tuple[Array, Array, Array, int]
NO_EVIDENCE = 1e12  # words of prior, beside which counts vanish: the unigram
DRAWS = 25  # noise words beside each held-out word, as in the evaluation of the nets


@dataclass(frozen=True)
class Config:
    """Candidates, of which validation chooses: judged pairs and questions, or text.

    PPMI and SVD in the terms of Levy et al. 2015, section 3: ``powers`` flatten the distribution of
    contexts, ``eigenvalue_powers`` weigh the singular values. ``priors`` are how many words' worth
    of the unigram distribution is added to the neighbours that a word was seen with, ``exponents``
    what the evidence of each neighbour is multiplied by, since neighbours repeat each other.
    """

    sampling: Sampling
    width: Count
    powers: tuple[NonNegative, ...]
    eigenvalue_powers: tuple[NonNegative, ...]
    priors: tuple[Positive, ...]
    exponents: tuple[NonNegative, ...]


def baselines(config: Config, data: Data) -> Scores:
    """Agreement with people of PPMI + SVD on the test split, and nats per pair of the test text."""
    train = data.arrays("train")["tokens"]
    counts = data.arrays("vocabulary")["counts"]
    seen = cooccurrences(train[train != 1], config.sampling.window, len(counts))
    keep = keep_probability(counts, config.sampling.subsample)
    thinned = thinned_words(train, keep, np.random.default_rng(0))
    pairs = cooccurrences(thinned, config.sampling.window, len(counts), weighted=False)
    valid, test = (
        HeldOut(config.sampling, pairs, data.arrays(split)["tokens"], counts)
        for split in ("valid", "test")
    )
    found = Scores()
    if judged_sets(data.arrays("test")):
        best_by_metric(found, "ppmi_svd", _judged(config, seen, data))
    held_out(found, config, valid, test)
    return found


def _judged(config: Config, seen: "csr_matrix[Any]", data: Data) -> Iterator[Candidate]:
    valid, test = (data.arrays(split) for split in ("valid", "test"))
    for power in config.powers:
        left, singular = svd(positive_information(seen, power), config.width)
        for weight in config.eigenvalue_powers:
            vectors = left * singular**weight
            settings = {"power": power, "eigenvalue_power": weight}
            known = judged_metrics(vectors, valid, FIRST)
            yield settings, known, judged_measurements(vectors, test, FIRST)


def best_by_metric(found: Scores, name: str, candidates: Iterable[Candidate]) -> None:
    """Add each test metric by the settings that are best in it on validation, and those settings.

    Higher is better; the first of equals stands.
    """
    best: dict[str, tuple[float, Measurement, dict[str, float]]] = {}
    for settings, valid, test in candidates:
        measured = {metric: each for each in test for metric in values((each,))}
        for metric, value in valid.items():
            if metric not in best or value > best[metric][0]:
                best[metric] = (value, measured[metric], settings)
    found.measure(name, *(_only(metric, each) for metric, (_, each, _) in best.items()))
    found |= {
        f"{name}_{metric.removesuffix('_percent')}_{key}": float(value)
        for metric, (_, _, settings) in best.items()
        for key, value in settings.items()
    }


def _only(metric: str, measurement: Measurement) -> Measurement:
    """One of the metrics of a measurement."""

    def measure(rows: Array) -> dict[str, float]:
        return {metric: measurement.measure(rows)[metric]}

    return Measurement(measurement.units, measure, measurement.block)


def cooccurrences(
    tokens: Array, window: int, vocabulary: int, weighted: bool = True
) -> "csr_matrix[Any]":
    """How often j stands within ``window`` words of i in one passage; symmetric.

    Weighted: a neighbour at distance d counts (window + 1 - d) / window, as a reach drawn evenly
    gives on average.
    """
    # Imported late: only this baseline needs it.
    from scipy.sparse import coo_matrix, csr_matrix

    passage = np.cumsum(tokens == END)
    total = csr_matrix((vocabulary, vocabulary))
    for distance in range(1, window + 1):
        one, other = tokens[:-distance], tokens[distance:]
        together = (passage[:-distance] == passage[distance:]) & (one != END) & (other != END)
        weight = (window + 1 - distance) / window if weighted else 1.0
        pairs = (one[together], other[together])
        shape = (vocabulary, vocabulary)
        part = coo_matrix((np.full(len(pairs[0]), weight), pairs), shape).tocsr()
        total = total + part + part.T
    return csr_matrix(total)


def positive_information(seen: "csr_matrix[Any]", power: float) -> "csr_matrix[Any]":
    """max(0, log(P(i, j) / (P(i) P'(j)))), P' in proportion to P^power."""
    from scipy.sparse import csr_matrix

    pairs = seen.tocoo()
    ones = np.asarray(seen.sum(1)).ravel()
    others = np.asarray(seen.sum(0)).ravel() ** power
    independent = ones[pairs.row] * others[pairs.col] / others.sum()
    values = np.maximum(0, np.log(pairs.data / independent))
    found = csr_matrix((values, (pairs.row, pairs.col)), shape=seen.shape)
    found.eliminate_zeros()
    return found


def svd(matrix: "csr_matrix[Any]", width: int) -> tuple[Array, Array]:
    """The largest singular values (width,), and their left singular vectors (rows, width)."""
    from scipy.sparse.linalg import svds

    width = min(width, min(matrix.shape) - 1)
    # A fixed start: the same bytes on every run.
    left, values, _ = svds(matrix, k=width, v0=np.ones(min(matrix.shape)))
    return np.asarray(left), np.asarray(values)


class HeldOut:
    """Words of a text with their neighbours and noise words, to be told apart by counts.

    The protocol is that of the nets. The best logit of a pair is
    log P(j | i) - log(negatives * noise(j)) (Levy and Goldberg 2014, section 3.1).
    """

    def __init__(
        self, sampling: Sampling, pairs: "csr_matrix[Any]", tokens: Array, counts: Array
    ) -> None:
        self.words, self.around, self.noise = held_out_windows(tokens, counts, sampling, DRAWS)
        self.pairs, self.negatives = pairs, sampling.negatives
        self.seen = np.asarray(pairs.sum(1)).ravel()
        self.unigram = (self.seen + 1) / (self.seen + 1)[FIRST:].sum()
        noise = noise_distribution(counts, sampling.noise_power)
        with np.errstate(divide="ignore"):
            self.itself = np.log(self.unigram) - np.log(self.negatives * noise)
        beside = np.concatenate((self.around, self.noise), axis=1)
        self.beside, self.together = beside, self._together(self.words, beside)

    def _together(self, given: Array, ids: Array) -> Array:
        """How often training saw ``given`` (words,) near each of ``ids`` (words, n)."""
        rows = np.repeat(given, ids.shape[1])
        return np.asarray(self.pairs[rows, ids.ravel()]).reshape(ids.shape)

    def _evidence(self, given: Array, ids: Array, together: Array, prior: float) -> Array:
        """log P(id | given) - log P(id), with a prior in proportion to the unigram."""
        chance = together / self.unigram[ids] + prior
        return np.log(chance / (self.seen[given][:, None] + prior))

    def skip_gram(self, prior: float) -> Told:
        """Each neighbour told from noise, given the word."""
        logits = self.itself[self.beside]
        logits = logits + self._evidence(self.words, self.beside, self.together, prior)
        near, far = np.split(logits, [self.around.shape[1]], axis=1)
        real = self.around != END
        return np.where(real, near, 0.0), real, far, self.negatives

    def cbow(self, evidence: Array, exponent: float) -> Told:
        """A word told from noise by naive Bayes of its neighbours, its evidence by ``exponent``."""
        told = np.concatenate((self.words[:, None], self.noise), axis=1)
        near, far = np.split(self.itself[told] + exponent * evidence, [1], axis=1)
        return near, np.ones_like(near), far, self.negatives

    def neighbours_evidence(self, priors: tuple[float, ...]) -> list[Array]:
        """For each prior what all neighbours say of each word and its noise: (words, 1 + DRAWS)."""
        told = np.concatenate((self.words[:, None], self.noise), axis=1)
        totals = [np.zeros(told.shape) for _ in priors]
        for given in self.around.T:
            together, real = self._together(given, told), (given != END)[:, None]
            for total, prior in zip(totals, priors, strict=True):
                total += np.where(real, self._evidence(given, told, together, prior), 0.0)
        return totals


def held_out(found: Scores, config: Config, valid: HeldOut, test: HeldOut) -> None:
    """Add nats of the test text, by the prior and exponent that are best on validation text."""

    def measured(net: str, told: Told) -> Measurement:
        return negative_sampling_measurement(f"{net}_nats", *told)

    prior = min(config.priors, key=lambda each: negative_sampling_nats(*valid.skip_gram(each)))
    evidence = dict(zip(config.priors, valid.neighbours_evidence(config.priors), strict=True))
    known, exponent = min(
        itertools.product(config.priors, config.exponents),
        key=lambda pair: negative_sampling_nats(*valid.cbow(evidence[pair[0]], pair[1])),
    )
    [told] = test.neighbours_evidence((known,))
    found.measure("counts", measured("skip_gram", test.skip_gram(prior)))
    found["counts_prior"] = prior
    found.measure(
        "unigram",
        measured("skip_gram", test.skip_gram(NO_EVIDENCE)),
        measured("cbow", test.cbow(told, 0.0)),
    )
    found.measure("naive_bayes", measured("cbow", test.cbow(told, exponent)))
    found |= {"naive_bayes_prior": known, "naive_bayes_exponent": exponent}
