"""Counting: vectors from co-occurrence counts, and the loss of smoothed counts themselves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count, NonNegative
from repertoire.contract import Array, Data
from repertoire.data.windows import (
    END,
    FIRST,
    Sampling,
    held_out_windows,
    keep_probability,
    noise_distribution,
    thinned_words,
)
from repertoire.metrics.word_vectors import judged_metrics, negative_sampling_nats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NAMES = (  # patterns of the metrics that a gate may name
    "(counts|unigram)_skip_gram_nats",
    "unigram_cbow_nats",
    r"ppmi_svd_(analogies|\w+_spearman)_percent",
)
NO_EVIDENCE = 1e12  # words of prior, beside which counts vanish: the unigram
DRAWS = 25  # noise words beside each held-out word, as in the evaluation of the nets


@dataclass(frozen=True)
class Config:
    """PPMI and truncated SVD, in the terms of Levy et al. 2015, section 3.

    ``power`` flattens the distribution of contexts, log ``shift`` is taken from the information,
    ``eigenvalue_power`` weighs the singular values. ``prior_words`` is how many words' worth of
    the unigram distribution is added to the neighbours that a word was seen with.
    """

    sampling: Sampling
    width: Count
    power: NonNegative
    shift: NonNegative
    eigenvalue_power: NonNegative
    prior_words: NonNegative


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Agreement with people of PPMI + SVD on the test split, and nats a pair of the test text."""
    train, test = data.arrays("train")["tokens"], data.arrays("test")
    counts = data.arrays("vocabulary")["counts"]
    seen = cooccurrences(train[train != 1], config.sampling.window, len(counts))
    information = positive_information(seen, config.power, config.shift)
    vectors = svd_vectors(information, config.width, config.eigenvalue_power)
    judged = judged_metrics(vectors, test, FIRST)
    keep = keep_probability(counts, config.sampling.subsample)
    thinned = thinned_words(train, keep, np.random.default_rng(0))
    pairs = cooccurrences(thinned, config.sampling.window, len(counts), weighted=False)
    return {
        **{f"ppmi_svd_{name}": value for name, value in judged.items()},
        **held_out(config, pairs, test["tokens"], counts),
    }


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


def positive_information(seen: "csr_matrix[Any]", power: float, shift: float) -> "csr_matrix[Any]":
    """max(0, log(P(i, j) / (P(i) P'(j))) - log shift), P' in proportion to P^power."""
    from scipy.sparse import csr_matrix

    pairs = seen.tocoo()
    ones = np.asarray(seen.sum(1)).ravel()
    others = np.asarray(seen.sum(0)).ravel() ** power
    independent = ones[pairs.row] * others[pairs.col] / others.sum()
    values = np.maximum(0, np.log(pairs.data / independent) - np.log(shift))
    found = csr_matrix((values, (pairs.row, pairs.col)), shape=seen.shape)
    found.eliminate_zeros()
    return found


def svd_vectors(matrix: "csr_matrix[Any]", width: int, power: float) -> Array:
    """Left singular vectors times singular values^power: (rows, width)."""
    from scipy.sparse.linalg import svds

    width = min(width, min(matrix.shape) - 1)
    # A fixed start: the same bytes on every run.
    left, values, _ = svds(matrix, k=width, v0=np.ones(min(matrix.shape)))
    return np.asarray(left * values**power)


def held_out(
    config: Config, pairs: "csr_matrix[Any]", tokens: Array, counts: Array
) -> dict[str, float]:
    """Nats a held-out pair of smoothed counts and of the unigram, by the nets' own protocol.

    The best logit of a pair is log P(j | i) - log(negatives * noise(j)) (Levy and Goldberg 2014,
    section 3.1); P(j | i) comes from counts, with a prior in proportion to the unigram.
    """
    words, around, noise = held_out_windows(tokens, counts, config.sampling, DRAWS)
    seen = np.asarray(pairs.sum(1)).ravel()
    unigram = (seen + 1) / (seen + 1)[FIRST:].sum()
    negatives = config.sampling.negatives
    with np.errstate(divide="ignore"):
        expected = np.log(negatives * noise_distribution(counts, config.sampling.noise_power))

    def logits(prior: float, ids: Array) -> Array:
        rows = np.repeat(words, ids.shape[1])
        both = np.asarray(pairs[rows, ids.ravel()]).reshape(ids.shape)
        given = seen[words][:, None]
        chance = (both + prior * unigram[ids]) / (given + prior)
        return np.where(ids == END, 0.0, np.log(chance) - expected[ids])

    def nats(prior: float) -> float:
        near, far = logits(prior, around), logits(prior, noise)
        return negative_sampling_nats(near, around != END, far, negatives)

    # The bag of words tells each word itself, once; the unigram does not look at its neighbours.
    itself = np.log(unigram) - expected
    near, far = itself[words][:, None], itself[noise]
    return {
        "counts_skip_gram_nats": nats(config.prior_words),
        "unigram_skip_gram_nats": nats(NO_EVIDENCE),
        "unigram_cbow_nats": negative_sampling_nats(near, np.ones_like(near), far, negatives),
    }
