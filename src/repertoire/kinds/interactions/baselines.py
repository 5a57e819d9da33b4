"""Recommending without nets: what most like, items liked by the same people, a linear map.

EASE is the strongest model without a net that is usual for such data, and often stronger than nets
(Dacrema et al. 2021; Steck 2019); the settings of both are chosen on the valid part.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array, Data
from repertoire.kinds.interactions.metrics import ranking_metrics

NAMES = (  # patterns of the metrics that a gate may name
    r"(ease|item_knn|popularity)_(ndcg|recall|found|catalogue)_\d+_percent",
)
LONGEST = 100  # places of a list
Scorer = Callable[[Array], Array]  # likes (users, items) -> scores (users, items)


@dataclass(frozen=True)
class Config:
    """What is tried on validation, where the best ``metric`` decides.

    ``neighbours`` are those an item keeps, ``shrinkages`` are added to the denominator of its
    cosines, ``ridges`` to the diagonal of the linear map.
    """

    metric: str
    neighbours: tuple[Count, ...]
    shrinkages: tuple[float, ...]
    ridges: tuple[float, ...]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Every ranking metric of each on the test users, and what validation chose."""
    test, items = data.arrays("test"), data.facts["items"]
    models, chosen = chosen_models(config, data)
    values = dict(chosen)
    for name, model in models.items():
        found = ranking_metrics(ranked(model, test["history"], items), test["targets"], items)
        values |= {f"{name}_{metric}": value for metric, value in found.items()}
    return values


def chosen_models(config: Config, data: Data) -> tuple[dict[str, Scorer], dict[str, float]]:
    """The three models by name, fitted to all that is known before the test, and their settings.

    Weak generalisation tells of the test users what was trained on and validated with, so there the
    closed forms are fitted to both once their settings are chosen.
    """
    items = data.facts["items"]
    known, history, targets = _judged(data)
    weak = data.facts["generalisation"] == "weak"
    told = likes(data.arrays("test")["history"], items) if weak else known

    def value(model: Scorer) -> float:
        return ranking_metrics(ranked(model, history, items), targets, items)[config.metric]

    together = known.T @ known
    pairs = list(itertools.product(config.neighbours, config.shrinkages))
    pair = max(pairs, key=lambda each: value(item_knn(together, *each)))
    ridge = max(config.ridges, key=lambda each: value(ease(together, each)))
    together = told.T @ told
    models = {
        "popularity": popularity(told),
        "item_knn": item_knn(together, *pair),
        "ease": ease(together, ridge),
    }
    settings = zip(("item_knn_neighbours", "item_knn_shrinkage"), pair, strict=True)
    return models, {**{k: float(v) for k, v in settings}, "ease_ridge": float(ridge)}


def _judged(data: Data) -> tuple[Array, Array, Array]:
    """Likes that settings are fitted to, and the histories and targets that they are judged by.

    Weak generalisation may hold out few likes for validation, too few to tell settings apart and
    fewer than the test does; so the same share of what is told as the test hides is hidden here.
    """
    items, test = data.facts["items"], data.arrays("test")
    if data.facts["generalisation"] == "strong":
        valid = data.arrays("valid")
        return likes(data.arrays("train")["history"], items), valid["history"], valid["targets"]
    told, wanted = likes(test["history"], items) > 0, np.count_nonzero(test["targets"])
    share = wanted / (wanted + np.count_nonzero(told))
    hidden = told & (np.random.default_rng(0).random(told.shape) < share)
    kept, numbers = told & ~hidden, np.arange(1, items + 1)
    return kept.astype(float), np.where(kept, numbers, 0), np.where(hidden, numbers, 0)


def likes(history: Array, items: int) -> Array:
    """history (users, time) of numbers from 1, padded with 0 -> 0 or 1 (users, items)."""
    told = np.zeros((len(history), items + 1))
    np.put_along_axis(told, history.astype(np.int64), 1.0, axis=1)
    return told[:, 1:]


def ranked(model: Scorer, history: Array, items: int) -> Array:
    """The best items by number, without those of the history: int (users, places)."""
    told = likes(history, items)
    scores = np.where(told > 0, -np.inf, model(told))
    # Stable, so that equal scores rank by number on any machine.
    order = np.argsort(-scores, axis=1, kind="stable")[:, :LONGEST]
    return np.where(np.isinf(np.take_along_axis(scores, order, axis=1)), 0, order + 1)


def popularity(known: Array) -> Scorer:
    """The same list for everyone: how many like an item."""
    counts = known.sum(0)
    return lambda told: np.broadcast_to(counts, told.shape)


def item_knn(together: Array, neighbours: int, shrinkage: float) -> Scorer:
    """Sums the shrunken cosines of each item with those told (Sarwar et al. 2001).

    ``together`` (items, items) counts who likes both; of each item's cosines the largest remain.
    """
    norms = np.sqrt(np.diag(together))
    cosines = together / (np.outer(norms, norms) + shrinkage + 1e-12)
    np.fill_diagonal(cosines, 0)
    if neighbours < len(cosines):
        least = np.partition(cosines, -neighbours, axis=1)[:, -neighbours, None]
        cosines = np.where(cosines >= least, cosines, 0)
    return lambda told: told @ cosines.T


def ease(together: Array, ridge: float) -> Scorer:
    """The best linear map of likes to themselves that may not look at the item itself.

    With P = (X'X + ridge)^-1 it is -P_ij / P_jj off the diagonal and 0 on it (Steck 2019,
    equation 8).
    """
    precision = np.linalg.inv(together + ridge * np.eye(len(together)))
    weights = precision / -np.diag(precision)
    np.fill_diagonal(weights, 0)
    return lambda told: told @ weights


def named(settings: dict[str, float]) -> Iterator[tuple[str, str]]:
    """Names of the three for a legend."""
    yield "popularity", "popularity"
    yield "item_knn", f"item-kNN of {settings['item_knn_neighbours']:.0f}"
    yield "ease", f"EASE, ridge {settings['ease_ridge']:g}"
