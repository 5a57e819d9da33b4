"""n-gram models of a token stream: unigram, Kneser-Ney, and Kneser-Ney with a cache.

Interpolated modified Kneser-Ney of the order that validation chooses. A net carries its state
through the whole test stream, so the counted model that it must beat sees the past of the stream
too: a cache of what was read last (Kuhn and De Mori 1990), here by n-grams, each mixed with the
order below as by a Dirichlet prior (MacKay and Peto 1995). Sizes and weights are chosen on
validation. Nothing counted is usually stronger; class-based and skipping models, and mixtures of
many, gain a few percent more (Goodman 2001).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array, Arrays, Data, Measurement
from repertoire.kinds.running_text.blocks import stream_measurement
from repertoire.kinds.running_text.facts import Facts
from repertoire.kinds.running_text.rescoring import rescored_right, rescoring_measurement
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("unigram", "unigram"),
    Baseline("kneser_ney", "Kneser–Ney {kneser_ney_order:.0f}-gram"),
    Baseline(
        "cached_kneser_ney", "Kneser–Ney {kneser_ney_order:.0f}-gram with a cache of the stream"
    ),
    Baseline("recogniser", "first pass"),
)


@dataclass(frozen=True)
class Config:
    """Candidates among which validation chooses: ``orders`` of Kneser-Ney, and of its cache.

    An order counts the predicted token: 3 is a trigram. ``cache_sizes`` are how many tokens are
    remembered; ``priors`` how many tokens the model below is worth against those in the cache.
    """

    orders: tuple[Count, ...]
    cache_orders: tuple[Count, ...]
    cache_sizes: tuple[Count, ...]
    priors: tuple[Count, ...]


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Perplexity and nats per token of the test stream: every token scored once.

    Contexts run across lines.
    With n-best lists also how often each finds the true line, the first pass included.
    """
    train, valid, test = (
        data.arrays(split)["tokens"].astype(np.int64) for split in ("train", "valid", "test")
    )
    size = data.facts["vocabulary"]
    tried = (KneserNey(train, order, size) for order in config.orders)
    chosen, on_valid = max(
        ((model, model.log_probs(valid)) for model in tried), key=lambda each: each[1].mean()
    )
    models = {"unigram": KneserNey(train, 1, size), "kneser_ney": chosen}
    scored = {name: model.log_probs(test) for name, model in models.items()}
    cache = chosen_cache(config, valid, on_valid)
    scored["cached_kneser_ney"] = cache.log_probs(test, scored["kneser_ney"])
    rescored = _rescored(models, data.arrays("nbest_test"))
    measured = {name: [stream_measurement(logs)] for name, logs in scored.items()}
    found = Scores()
    for name in dict.fromkeys((*rescored, *scored)):
        found.measure(name, *measured.get(name, ()), *rescored.get(name, ()))
    found |= {"kneser_ney_order": float(chosen.order), "cache_size": float(cache.size)}
    found["cache_order"] = float(max((order for order, _ in cache.priors), default=0))
    return found


def _rescored(models: dict[str, "KneserNey"], lists: Arrays) -> dict[str, list[Measurement]]:
    """How the first pass and each model choose among n-best lists, if there are some."""
    if not len(lists["truth"]):
        return {}
    right = {"recogniser": rescored_right(lists, lambda rows: np.zeros(len(rows)))}
    for name, model in models.items():
        right[name] = rescored_right(lists, partial(_line_log_probs, model))
    return {name: [rescoring_measurement(each)] for name, each in right.items()}


def _line_log_probs(model: "KneserNey", rows: Array) -> Array:
    return np.array([model.log_probs(row[row >= 0]).sum() for row in rows])


@dataclass(frozen=True)
class Cache:
    """n-grams of the last ``size`` tokens; ``priors`` are pairs of order and strength, in turn."""

    size: int
    priors: tuple[tuple[int, int], ...]

    def log_probs(self, tokens: Array, log_probs: Array) -> Array:
        """Natural log-probability of every token, given that of a model without a cache."""
        result = np.exp(log_probs)
        for order, prior in self.priors:
            result = mixed(result, *cached_counts(tokens, order, self.size), prior)
        return np.log(result)


def chosen_cache(config: Config, tokens: Array, log_probs: Array) -> Cache:
    """The cache that helps most on validation; an order that does not help is left out."""
    best, most = Cache(config.cache_sizes[0], ()), float(log_probs.mean())
    for size in config.cache_sizes:
        reached, probabilities, priors = float(log_probs.mean()), np.exp(log_probs), []
        for order in sorted(config.cache_orders):
            counts = cached_counts(tokens, order, size)
            found = {prior: mixed(probabilities, *counts, prior) for prior in config.priors}
            means = {prior: float(np.log(each).mean()) for prior, each in found.items()}
            prior = max(means, key=means.__getitem__)
            if means[prior] > reached:
                reached, probabilities = means[prior], found[prior]
                priors.append((order, prior))
        if reached > most:
            best, most = Cache(size, tuple(priors)), reached
    return best


def mixed(probabilities: Array, grams: Array, contexts: Array, prior: int) -> Array:
    """Counts of n-grams and of their contexts, smoothed by a Dirichlet prior."""
    return (grams + prior * probabilities) / (contexts + prior)


def cached_counts(tokens: Array, order: int, size: int) -> tuple[Array, Array]:
    """Of each token how often its n-gram, and its context, ended among the ``size`` before it."""
    padded = np.concatenate((np.zeros(order - 1, np.int64), tokens))
    contexts = np.zeros(len(tokens), np.int64)
    for place in range(order - 1):
        contexts = _numbered(contexts, padded[place : place + len(tokens)])
    grams = _numbered(contexts, tokens)
    return _recent(grams, size), _recent(contexts, size)


def _numbered(first: Array, second: Array) -> Array:
    """One number for each different pair."""
    return np.unique(first * (int(second.max()) + 1) + second, return_inverse=True)[1]


def _recent(numbers: Array, size: int) -> Array:
    """How often each number occurs among the ``size`` before it."""
    places = np.arange(len(numbers))
    keys = numbers * len(numbers) + places
    ordered = np.sort(keys)
    since = numbers * len(numbers) + np.maximum(0, places - size)
    return np.searchsorted(ordered, keys) - np.searchsorted(ordered, since)


class KneserNey:
    """Interpolated modified Kneser-Ney of any order (Chen and Goodman 1999, section 3).

    Grams of order k are numbered by (number of their first k-1 tokens, last token), so one int64
    identifies a gram of any length. Order 1 ends in the uniform distribution; an order-1 model
    is the maximum-likelihood unigram, interpolated with it by the same discounts.
    """

    def __init__(self, tokens: Array, order: int, vocabulary: int) -> None:
        self.order, self.vocabulary = order, vocabulary
        # Twice the context of end tokens, so that the first context has itself been seen.
        padded = np.concatenate((np.zeros(2 * (order - 1), np.int64), tokens))
        windows = np.lib.stride_tricks.sliding_window_view(padded, order)
        self.keys: list[Array] = []  # by order: sorted keys of the grams seen
        grams = [self._number(windows[:, order - k :], grow=True) for k in range(1, order + 1)]
        self.tables = [self._table(k, grams) for k in range(1, order + 1)]

    def _number(self, windows: Array, grow: bool = False) -> Array:
        """Number of each gram (rows of ``windows``), -1 if it was never seen."""
        numbers = np.zeros(len(windows), np.int64)
        for depth in range(windows.shape[1]):
            keys = np.where(numbers < 0, -1, numbers * self.vocabulary + windows[:, depth])
            if grow and depth == len(self.keys):
                self.keys.append(np.unique(keys))
            known = self.keys[depth]
            place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            numbers = np.where(known[place] == keys, place, -1)
        return numbers

    def _table(self, k: int, grams: list[Array]) -> tuple[Array, Array, Array]:
        """Discounted counts, their sums by context, and the mass left to the lower order."""
        size = len(self.keys[k - 1])
        if k == self.order:
            counts = np.bincount(grams[k - 1], minlength=size)
        else:
            # How many different tokens come before the gram: the suffixes of the longer grams.
            _, firsts = np.unique(grams[k], return_index=True)
            counts = np.bincount(grams[k - 1][firsts], minlength=size)
        contexts = self.keys[k - 1] // self.vocabulary
        discounts = np.array([0.0, *discounts_of(counts)])
        taken = np.where(counts > 0, discounts[np.minimum(counts, 3)], 0.0)
        totals = np.bincount(contexts, counts)
        return counts - taken, totals, np.bincount(contexts, taken)

    def probabilities(self, windows: Array) -> Array:
        """P(last | the tokens before) for each row of (rows, order) token ids."""
        result = np.full(len(windows), 1.0 / self.vocabulary)
        for k in range(1, self.order + 1):
            kept, totals, left = self.tables[k - 1]
            part = windows[:, self.order - k :]
            contexts = self._number(part[:, :-1]) if k > 1 else np.zeros(len(part), np.int64)
            gram = self._number(part)
            seen = (contexts >= 0) & (contexts < len(totals))
            seen &= totals[np.where(seen, contexts, 0)] > 0
            at = np.where(seen, contexts, 0)
            count = np.where(gram >= 0, kept[np.maximum(gram, 0)], 0.0)
            mixed = (count + left[at] * result) / np.where(seen, totals[at], 1)
            result = np.where(seen, mixed, result)
        return result

    def log_probs(self, tokens: Array) -> Array:
        """Natural log-probability of every token of a stream that starts after end tokens."""
        padded = np.concatenate((np.zeros(self.order - 1, np.int64), tokens))
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.order)
        return np.log(self.probabilities(windows))


def discounts_of(counts: Array) -> tuple[float, float, float]:
    """Discounts for grams seen once, twice, and more often (Chen and Goodman 1999, eq. 26).

    Where the estimate is not positive, as in text that repeats itself, the discount of plain
    Kneser-Ney stands in: with none, a context would leave nothing to what it never preceded.
    """
    n1, n2, n3, n4 = (max(1, int(np.sum(counts == n))) for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    raw = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    one, two, more = (float(min(d, n)) if d > 0 else y for n, d in enumerate(raw, 1))
    return one, two, more
