"""n-gram models of a token stream: unigram, interpolated modified Kneser-Ney, and its cache.

Nets carry their state through the whole test stream, so a model of counts is told of the stream so
far, too: a unigram cache of the last tokens is mixed with Kneser-Ney (Kuhn and De Mori 1990;
Goodman 2001, section 3). Validation chooses the order, the length of the cache and its weight.
Stronger counted models are mixtures of many such models (Mikolov et al. 2011): no hour's work.
"""

import itertools
from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.config import Count, Share
from repertoire.contract import Array, Data
from repertoire.metrics.rescoring import rescored_accuracy_percent

NAMES = (  # patterns of the metrics that a gate may name
    "(unigram|kneser_ney|kneser_ney_cache)_(perplexity|nats_per_token)",
    "(unigram|kneser_ney|recogniser)_rescored_accuracy_percent",
)


@dataclass(frozen=True)
class Config:
    """What validation chooses among: ``orders``, which count the predicted token (3 is a trigram);
    how many tokens the cache remembers, and how much ``weight`` it has."""

    orders: tuple[Count, ...]
    cache: tuple[Count, ...]
    weights: tuple[Share, ...]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Perplexity and nats a token of the test stream: every token scored once.

    Contexts run across lines.
    With n-best lists also how often each finds the true line, the recogniser alone included.
    """
    streams = (
        data.arrays(split)["tokens"].astype(np.int64) for split in ("train", "valid", "test")
    )
    train, valid, test = streams
    size = data.facts["vocabulary"]
    grams = (KneserNey(train, order, size) for order in config.orders)
    on_valid, kneser_ney = max(((m.log_probs(valid), m) for m in grams), key=lambda p: p[0].mean())
    models = {"unigram": KneserNey(train, 1, size), "kneser_ney": kneser_ney}
    scored = {name: model.log_probs(test) for name, model in models.items()}
    remembered, weight = max(
        itertools.product(config.cache, config.weights),
        key=lambda pair: with_cache(on_valid, valid, *pair).mean(),
    )
    scored["kneser_ney_cache"] = with_cache(scored["kneser_ney"], test, remembered, weight)
    values = {f"{name}_perplexity": perplexity(logs) for name, logs in scored.items()}
    values |= {f"{name}_nats_per_token": -float(logs.mean()) for name, logs in scored.items()}
    values |= {"kneser_ney_order": float(kneser_ney.order)}
    values |= {"cache_tokens": float(remembered), "cache_weight": weight}
    lists = data.arrays("nbest_test")
    if len(lists["truth"]):
        flat = rescored_accuracy_percent(lists, lambda rows: np.zeros(len(rows)))
        values["recogniser_rescored_accuracy_percent"] = flat
        for name, model in models.items():
            accuracy = rescored_accuracy_percent(lists, partial(_line_log_probs, model))
            values[f"{name}_rescored_accuracy_percent"] = accuracy
    return values


def with_cache(log_probs: Array, tokens: Array, remembered: int, weight: float) -> Array:
    """Log-probabilities (tokens,) of a model mixed with a unigram cache of the last tokens."""
    return np.log((1 - weight) * np.exp(log_probs) + weight * cached(tokens, remembered))


def cached(tokens: Array, remembered: int) -> Array:
    """The share of each token among the ``remembered`` ones before it; 0 for the first."""
    count, places = len(tokens), np.arange(len(tokens))
    # Token and place as one number: what lies between two places of a token is found by bisection.
    known = np.sort(tokens * (count + 1) + places)
    first = np.maximum(places - remembered, 0)
    until, since = (np.searchsorted(known, tokens * (count + 1) + p) for p in (places, first))
    return (until - since) / np.maximum(places - first, 1)


def _line_log_probs(model: "KneserNey", rows: Array) -> Array:
    return np.array([model.log_probs(row[row >= 0]).sum() for row in rows])


def perplexity(log_probs: Array) -> float:
    """exp of the mean negative natural log-probability."""
    return float(np.exp(-log_probs.mean()))


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
