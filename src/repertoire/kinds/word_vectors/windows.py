"""Words and their neighbours in running text: what word vectors learn from.

Streams hold ids; passages end with END, and no window reaches beyond its passage. Sampling as in
Mikolov et al. 2013b, "Distributed Representations of Words and Phrases", sections 2.2 and 2.3.
"""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Natural, NonNegative
from repertoire.contract import Array

END, UNKNOWN = 0, 1  # ids below ``FIRST`` are no words
FIRST = 2


@dataclass(frozen=True)
class Sampling:
    """What counts as seen together, and what it is told apart from.

    ``window`` is the longest distance in words, ``negatives`` the number of noise words a pair,
    ``noise_power`` flattens their distribution, ``subsample`` is the share of the text above which
    a word is thinned out.
    """

    window: Natural
    negatives: Count
    noise_power: NonNegative
    subsample: NonNegative


def noise_distribution(counts: Array, power: float) -> Array:
    """P(word) in proportion to count^power; (vocabulary,), zero for ids that are no words."""
    weights = counts.astype(np.float64) ** power
    weights[:FIRST] = 0
    return weights / weights.sum()


def keep_probability(counts: Array, threshold: float) -> Array:
    """min(1, (threshold / share of the text)^½); (vocabulary,)."""
    words = counts.astype(np.float64)
    share = words / words[FIRST:].sum()
    return np.minimum(1.0, np.sqrt(threshold / np.maximum(share, 1e-300)))


def thinned_words(tokens: Array, keep: Array, rng: np.random.Generator) -> Array:
    """The stream without unknown words and with frequent ones left out by chance; ends stay."""
    kept = rng.random(len(tokens)) < keep[tokens]
    return tokens[(tokens != UNKNOWN) & (kept | (tokens == END))].astype(np.int64)


def neighbours(tokens: Array, window: int) -> tuple[Array, Array]:
    """Each word with a neighbour, and its neighbours in order: (words,), (words, 2 * window).

    END stands where the passage is over.
    """
    passage = np.cumsum(tokens == END)
    offsets = [d for d in range(-window, window + 1) if d != 0]
    around = np.full((len(tokens), 2 * window), END, np.int64)
    for column, offset in enumerate(offsets):
        here = slice(max(0, -offset), max(0, len(tokens) - max(0, offset)))
        there = slice(max(0, offset), max(0, len(tokens) - max(0, -offset)))
        same = passage[here] == passage[there]
        around[here, column] = np.where(same, tokens[there], END)
    used = (tokens != END) & (around != END).any(1)
    return tokens[used].astype(np.int64), around[used]


def held_out_windows(
    tokens: Array, counts: Array, sampling: Sampling, draws: int
) -> tuple[Array, Array, Array]:
    """Words, their neighbours and ``draws`` noise words for each: the same for who asks again."""
    rng = np.random.default_rng(0)
    thinned = thinned_words(tokens, keep_probability(counts, sampling.subsample), rng)
    words, around = neighbours(thinned, sampling.window)
    noise = noise_distribution(counts, sampling.noise_power)
    return words, around, rng.choice(len(noise), (len(words), draws), p=noise)
