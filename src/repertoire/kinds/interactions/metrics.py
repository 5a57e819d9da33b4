"""How good ranked lists are, of items by number; pure functions of arrays.

``top`` is int (users, places): each list from its best item on; 0 is an empty place. ``targets`` is
int (users, most), padded with 0: what each user in fact liked. Users without a target are left out.
"""

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

METRICS = (
    Metric("ndcg_{n:d}_percent", "NDCG@{n}", "%", "higher"),
    Metric("recall_{n:d}_percent", "Recall@{n}", "%", "higher"),
    Metric("found_{n:d}_percent", "Recall@{n} of all likes", "%", "higher"),
    Metric("catalogue_{n:d}_percent", "Catalogue coverage@{n}", "%", "higher"),
)

RECALLS = (20, 50)
GAINS = (10, 100)
FOUND = 10
SHOWN = 20  # places of the list that count as shown to someone


def hits(top: Array, targets: Array) -> Array:
    """Which places hold a target: bool (users, places)."""
    found = [np.isin(row, wanted[wanted > 0]) for row, wanted in zip(top, targets, strict=True)]
    return np.asarray(found, dtype=bool).reshape(top.shape)


def recall(found: Array, relevant: Array, k: int) -> float:
    """Mean share of targets among the first ``k``, of what k places can hold.

    The denominator is min(k, targets), so that a perfect list scores 1 (Liang et al. 2018,
    section 4.2, equation 8).
    """
    asked = relevant > 0
    return float((found[asked, :k].sum(1) / np.minimum(k, relevant[asked])).mean())


def found_share(found: Array, relevant: Array, k: int) -> float:
    """Mean share of all targets among the first ``k``: recall with the plain denominator."""
    asked = relevant > 0
    return float((found[asked, :k].sum(1) / relevant[asked]).mean())


def ndcg(found: Array, relevant: Array, k: int) -> float:
    """Mean discounted gain of the first ``k``, of that of a perfect list (Järvelin and Kekäläinen).

    A target at place n gains 1 / log2(n + 1); the perfect list has min(k, targets) of them first.
    """
    asked = relevant > 0
    gains = 1 / np.log2(np.arange(max(k, found.shape[1])) + 2)
    ideal = np.cumsum(gains)[np.minimum(k, relevant[asked]) - 1]
    shown = found[asked, :k]
    return float((shown @ gains[: shown.shape[1]] / ideal).mean())


def coverage(top: Array, items: int, k: int) -> float:
    """Share of a catalogue of ``items`` that is among the first ``k`` of anyone."""
    return float(len(np.setdiff1d(top[:, :k], 0)) / items)


def left_out(items: int) -> dict[str, str]:
    """Metric -> why it says nothing about a catalogue of so many items."""
    lengths = {f"recall_{k}_percent": k for k in RECALLS}
    lengths |= {f"found_{FOUND}_percent": FOUND, f"catalogue_{SHOWN}_percent": SHOWN}
    why = "a list of {} holds all {} items of the catalogue"
    return {name: why.format(k, items) for name, k in lengths.items() if k >= items}


def ranking_metrics(top: Array, targets: Array, items: int) -> dict[str, float]:
    """All of the above in percent, by name with the length of the list, that say something."""
    return ranking_of_hits(hits(top, targets), (targets > 0).sum(1), top, items)


def ranking_measurement(top: Array, targets: Array, items: int) -> Measurement:
    """The same, user by user."""
    found, relevant = hits(top, targets), (targets > 0).sum(1)
    return Measurement(
        len(top), lambda rows: ranking_of_hits(found[rows], relevant[rows], top[rows], items)
    )


def ranking_of_hits(found: Array, relevant: Array, top: Array, items: int) -> dict[str, float]:
    """The same of ``hits`` that are known, and of the number of each user's targets."""
    parts = {
        **{f"ndcg_{k}_percent": ndcg(found, relevant, k) for k in GAINS},
        **{f"recall_{k}_percent": recall(found, relevant, k) for k in RECALLS},
        f"found_{FOUND}_percent": found_share(found, relevant, FOUND),
        f"catalogue_{SHOWN}_percent": coverage(top, items, SHOWN),
    }
    hidden = left_out(items)
    return {name: 100 * value for name, value in parts.items() if name not in hidden}
