"""Recommending without nets: what most like, items liked by the same people, a linear map.

EASE is the strongest model without a net that is usual for such data, and often stronger than nets
(Dacrema et al. 2021; Steck 2019); the settings of both are chosen on the valid part. EASE inverts a
matrix of all pairs of items, so it is left out where a catalogue is larger than ``MOST_PAIRED``.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array, Data
from repertoire.kinds.interactions.facts import Facts
from repertoire.kinds.interactions.metrics import ranking_measurement, ranking_metrics
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores

if TYPE_CHECKING:
    from scipy import sparse

BASELINES = (
    Baseline("popularity", "popularity"),
    Baseline("item_knn", "item-kNN of {item_knn_neighbours:.0f}"),
    Baseline("ease", "EASE, ridge {ease_ridge:g}"),
)
LONGEST = 100  # places of a list
MOST_PAIRED = 5_000  # items of which all pairs are held at once: 200 MB a matrix
BLOCK = 500  # items whose pairs with all others are held at once
CELLS = 2**25  # scores held at once
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


def suited(items: int) -> dict[str, Any]:
    """A Config, as plain values, for a catalogue of so many items: fewer trials for a large one."""
    small = items <= MOST_PAIRED // 2
    return {
        "metric": f"ndcg_{100 if items > 2 * LONGEST else 10}_percent",
        "neighbours": [30, 100, 300] if small else [100],
        "shrinkages": [0.0, 10.0, 50.0] if small else [10.0],
        "ridges": [25.0, 50.0, 100.0, 200.0, 400.0, 800.0] if small else [100.0, 400.0],
    }


def left_out(items: int) -> dict[str, str]:
    """Model -> why it is not tried on a catalogue of so many items."""
    if items <= MOST_PAIRED:
        return {}
    return {"ease": f"it inverts a matrix of all pairs of items, and {items:,} are too many"}


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Every ranking metric of each on the test users, and what validation chose."""
    test, items = data.arrays("test"), data.facts["items"]
    models, chosen = chosen_models(config, data)
    found = Scores()
    found |= chosen
    for name, model in models.items():
        top = ranked(model, test["history"], items)
        found.measure(name, ranking_measurement(top, test["targets"], items))
    return found


def chosen_models(config: Config, data: Data[Facts]) -> tuple[dict[str, Scorer], dict[str, float]]:
    """The models by name, fitted to all that is known before the test, and their settings.

    Weak generalisation tells of the test users what was trained on and validated with, so there the
    closed forms are fitted to both once their settings are chosen.
    """
    items = data.facts["items"]
    known, history, targets = _judged(data)
    weak = data.facts["generalisation"] == "weak"
    told = sparse_likes(data.arrays("test")["history"], items) if weak else known

    def value(model: Scorer) -> float:
        return ranking_metrics(ranked(model, history, items), targets, items)[config.metric]

    pairs = list(itertools.product(config.neighbours, config.shrinkages))
    pair = max(pairs, key=lambda each: value(item_knn(known, *each)))
    models = {"popularity": popularity(told), "item_knn": item_knn(told, *pair)}
    numbers = zip(("item_knn_neighbours", "item_knn_shrinkage"), pair, strict=True)
    settings = {name: float(number) for name, number in numbers}
    if not left_out(items):
        together = paired(known)
        ridge = max(config.ridges, key=lambda each: value(ease(together, each)))
        models["ease"] = ease(paired(told), ridge)
        settings["ease_ridge"] = float(ridge)
    return models, settings


def _judged(data: Data[Facts]) -> "tuple[sparse.csr_array, Array, Array]":
    """Likes that settings are fitted to, and the histories and targets that they are judged by.

    Weak generalisation may hold out few likes for validation, too few to tell settings apart and
    fewer than the test does; so the same share of what is told as the test hides is hidden here.
    """
    items, test = data.facts["items"], data.arrays("test")
    if data.facts["generalisation"] == "strong":
        valid = data.arrays("valid")
        known = sparse_likes(data.arrays("train")["history"], items)
        return known, valid["history"], valid["targets"]
    told, wanted = likes(test["history"], items) > 0, np.count_nonzero(test["targets"])
    share = wanted / (wanted + np.count_nonzero(told))
    hidden = told & (np.random.default_rng(0).random(told.shape) < share)
    numbers = np.arange(1, items + 1)
    history = np.where(told & ~hidden, numbers, 0)
    return sparse_likes(history, items), history, np.where(hidden, numbers, 0)


def likes(history: Array, items: int) -> Array:
    """history (users, time) of numbers from 1, padded with 0 -> 0 or 1 (users, items)."""
    told = np.zeros((len(history), items + 1))
    np.put_along_axis(told, history.astype(np.int64), 1.0, axis=1)
    return told[:, 1:]


def sparse_likes(history: Array, items: int) -> "sparse.csr_array":
    """The same in a sparse matrix."""
    # Imported late: no server and no training needs it.
    from scipy import sparse

    users, places = np.nonzero(history)
    ones = np.ones(len(users))
    return sparse.csr_array((ones, (users, history[users, places] - 1)), (len(history), items))


def paired(known: "sparse.csr_array") -> Array:
    """How many like both of two items, of all pairs: float (items, items)."""
    return (known.T @ known).toarray()


def ranked(model: Scorer, history: Array, items: int) -> Array:
    """The best items by number, without those of the history: int (users, places)."""
    step = max(1, CELLS // items)
    parts = [history[start : start + step] for start in range(0, len(history), step)]
    return np.concatenate([_ranked(model, likes(part, items)) for part in parts])


def _ranked(model: Scorer, told: Array) -> Array:
    scores = np.where(told > 0, -np.inf, model(told))
    # Stable, so that equal scores rank by number on any machine.
    order = np.argsort(-scores, axis=1, kind="stable")[:, :LONGEST]
    return np.where(np.isinf(np.take_along_axis(scores, order, axis=1)), 0, order + 1)


def popularity(known: "sparse.csr_array") -> Scorer:
    """The same list for everyone: how many like an item."""
    counts = known.sum(0)
    return lambda told: np.broadcast_to(counts, told.shape)


def item_knn(known: "sparse.csr_array", neighbours: int, shrinkage: float) -> Scorer:
    """Sums the shrunken cosines of each item with those told (Sarwar et al. 2001).

    The cosines are of who likes an item; of each item's the largest remain.
    """
    from scipy import sparse

    items = known.shape[1]
    columns, norms = known.tocsc(), np.sqrt(known.sum(0))
    parts = []
    for start in range(0, items, BLOCK):
        own = slice(start, start + BLOCK)
        together = (columns[:, own].T @ known).toarray()
        cosines = together / (np.outer(norms[own], norms) + shrinkage + 1e-12)
        cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = 0
        if neighbours < items:
            least = np.partition(cosines, -neighbours, axis=1)[:, -neighbours, None]
            cosines = np.where(cosines >= least, cosines, 0)
        parts.append(sparse.csr_array(cosines))
    weights: Any = sparse.vstack(parts, format="csr")
    if items <= MOST_PAIRED:
        weights = weights.toarray()
    return lambda told: told @ weights.T


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
    """Names of the models for a legend."""
    yield "popularity", "popularity"
    yield "item_knn", f"item-kNN of {settings['item_knn_neighbours']:.0f}"
    if "ease_ridge" in settings:
        yield "ease", f"EASE, ridge {settings['ease_ridge']:g}"
