"""How often a rescored n-best list has the true line first."""

from collections.abc import Callable

import numpy as np

from repertoire.contract import Array, Arrays, Measurement

Scorer = Callable[[Array], Array]
"""rows of token ids (rows, time), filled up with -1 -> log-probability of each row, nats"""


def rescored_right(lists: Arrays, scorer: Scorer) -> Array:
    """Of each list whether the highest score + log-probability is that of the true line: (lists,).

    ``lists`` is what ``confusions.py`` makes; the line's prior is added to the
    recogniser's log-likelihood (Bayes' rule; Jelinek 1997, chapter 1).
    """
    candidates = lists["candidates"]
    rows = candidates.reshape(-1, candidates.shape[2])
    log_probs = scorer(rows).reshape(lists["scores"].shape)
    best = (lists["scores"].astype(np.float64) + log_probs).argmax(1)
    right: Array = best == lists["truth"]
    return right


def rescoring_measurement(right: Array) -> Measurement:
    """Share of the lists whose true line comes first, of what ``rescored_right`` found."""
    return Measurement(
        len(right), lambda rows: {"rescored_accuracy_percent": 100 * float(right[rows].mean())}
    )
