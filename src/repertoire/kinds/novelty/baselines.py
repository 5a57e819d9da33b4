"""Novelty without nets: distances, principal components, neighbours, a forest and a kernel machine.

Each is fitted to the normal training rows of each detector alone, as the nets are. Principal
components are scored as the nets are (``pca``) and by their mean squared error (``plain_pca``). The
others are those that surveys compare with (Han et al. 2022, "ADBench", table B1): the squared
distance from the mean row, that of Mahalanobis with shrinkage (Ledoit and Wolf 2004), the distance
to a neighbour (Ramaswamy et al. 2000), the local outlier factor (Breunig et al. 2000), the
isolation forest (Liu et al. 2008, whose 100 trees of 256 rows are enough: more change little) and
the one-class support vector machine (Schölkopf et al. 2001).

Those whose cost grows with the square of the rows, or with the cube of the values, are left out
where there are many (``left_out``).

One setting for all detectors is chosen as the nets' epoch is: by the mean area under the ROC curve
on validation rows. Where no validation row is an anomaly, the first candidate stands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from repertoire.config import Count, NonNegative, Positive, Seed, Share
from repertoire.contract import Array, Data
from repertoire.kinds.novelty.facts import Facts
from repertoire.kinds.novelty.metrics import (
    Score,
    Trial,
    normal_rows,
    ranking_measurement,
    ranking_metrics,
    scored,
    trials,
)
from repertoire.measured import Baseline
from repertoire.metrics.principal import Principal
from repertoire.metrics.uncertainty import Scores

if TYPE_CHECKING:
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from sklearn.svm import OneClassSVM

BASELINES = (
    Baseline("distance_from_mean", "squared distance from the mean"),
    Baseline("isolation_forest", "isolation forest"),
    Baseline("lof", "local outlier factor, {lof_neighbours:.0f} neighbours"),
    Baseline("mahalanobis", "Mahalanobis distance"),
    Baseline("nearest", "distance to neighbour {nearest_rank:.0f}"),
    Baseline("one_class_svm", "one-class support vector machine"),
    Baseline("pca", "principal components ({pca_components:g}), scored as the net"),
    Baseline("plain_pca", "squared error of principal components ({plain_pca_components:g})"),
)
CHOSEN = {  # model -> what its setting is called
    "pca": "components",
    "plain_pca": "components",
    "nearest": "rank",
    "lof": "neighbours",
    "one_class_svm": "gamma",
}
MOST_VALUES = 1_024  # of a row, of whose pairs a matrix is inverted
MOST_ROWS = {"one_class_svm": 5_000, "lof": 20_000, "nearest": 100_000}
Scorer = Callable[[Array], Array]


@dataclass(frozen=True)
class Config:
    """Candidates among which validation chooses, and what is the same for all.

    ``score`` is that of the nets. ``components``: so many, or below 1 as many as hold that share of
    the variance. ``neighbours``: the distance to the last of so many is the score;
    ``density_neighbours``: densities are of so many. ``gammas`` of the Gaussian kernel are in units
    of one over the sum of the variances of all values; ``outliers`` is the share of training rows
    that may lie outside.
    """

    score: Score
    components: tuple[Positive, ...]
    neighbours: tuple[Count, ...]
    density_neighbours: tuple[Count, ...]
    gammas: tuple[Positive, ...]
    outliers: Share
    trees: Count
    seed: Seed


def left_out(rows: int, values: int) -> dict[str, str]:
    """Model -> why it is not fitted to so many normal rows of so many values."""
    found = {
        model: f"it would compare each row with all {rows:,} normal ones for minutes"
        for model, most in MOST_ROWS.items()
        if rows > most
    }
    if values > MOST_VALUES:
        found["mahalanobis"] = f"it inverts a matrix of all pairs of {values:,} values"
    return found


def suited(rows: int, values: int, score: Score) -> dict[str, Any]:
    """A Config, as plain values, for so many normal rows of so many values."""
    hidden, few = left_out(rows, values), rows <= MOST_ROWS["one_class_svm"]
    shares = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99]
    return {
        "score": score,
        "components": shares if score == "scaled" else [1, 2, 4, 8, 16, 32, 64],
        "neighbours": [] if "nearest" in hidden else [1, 5, 20] if few else [5],
        "density_neighbours": [] if "lof" in hidden else [5, 20, 50] if few else [20],
        "gammas": [] if "one_class_svm" in hidden else [0.1, 1.0, 10.0],
        "outliers": 0.1,
        "trees": 100,
        "seed": 3,
    }


def baselines(config: Config, data: Data[Facts], split: str = "test") -> Scores:
    """Means over detectors of both areas on the split, in percent, and the settings chosen."""
    tried: dict[tuple[str, float], dict[str, list[Trial]]] = {}
    for detector in range(len(data.facts["names"])):
        train = data.arrays("train")
        own = normal_rows(train, detector, data.facts["contaminated"])
        asked = {name: _tests(data, detector, name) for name in {"valid", split}}
        for model, setting, scorer in scorers(config, _values(data, train, detector)[own]):
            parts = tried.setdefault((model, setting), {name: [] for name in asked})
            for name, (part, values) in asked.items():
                parts[name].append(part._replace(scores=scorer(values)))
    found, units = Scores(), len(data.arrays(split)["labels"])
    for model in dict.fromkeys(model for model, _ in tried):
        settings = [setting for other, setting in tried if other == model]
        areas = [_area(tried[model, setting]["valid"]) for setting in settings]
        best = settings[int(np.argmax(areas))]
        found.measure(model, ranking_measurement(tried[model, best][split], units))
        if model in CHOSEN:
            found[f"{model}_{CHOSEN[model]}"] = best
    return found


def _area(parts: list[Trial]) -> float:
    return ranking_metrics(parts)["roc_auc_percent"]


def _tests(data: Data[Facts], detector: int, split: str) -> tuple[Trial, Array]:
    """Which rows of the split test the detector, and their values."""
    arrays = data.arrays(split)
    empty = np.zeros((len(arrays["labels"]), len(data.facts["names"])))
    part = trials(arrays, empty)[detector]
    return part, _values(data, arrays, detector)[part.rows]


def _values(data: Data[Facts], arrays: dict[str, Array], detector: int) -> Array:
    """Float rows as the nets see them: grey levels of 0 to 1, or standardised columns."""
    if "images" in arrays:
        return arrays["images"].reshape(len(arrays["images"]), -1) / 255.0
    width = len(data.facts["columns"][detector])
    center, scale = (np.array(data.facts[name][detector])[:width] for name in ("center", "scale"))
    return (arrays["rows"][:, :width].astype(np.float64) - center) / scale


def scorers(config: Config, known: Array) -> Iterator[tuple[str, float, Scorer]]:
    """Model, setting, and how novel rows are to it, fitted to the rows ``known``: higher is more.

    A model without a choice has the setting 0.
    """
    # Imported late: only these baselines need them.
    from sklearn.covariance import LedoitWolf
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from sklearn.svm import OneClassSVM

    mean = known.mean(0)
    yield "distance_from_mean", 0, lambda rows: np.square(rows - mean).mean(1)
    if known.shape[1] <= MOST_VALUES:
        # Shrunk, or more columns than rows would have no distance at all.
        yield "mahalanobis", 0, LedoitWolf().fit(known).mahalanobis
    forest = IsolationForest(n_estimators=config.trees, random_state=config.seed).fit(known)
    yield "isolation_forest", 0, lambda rows: -forest.score_samples(rows)
    components = Principal(known)
    for kept in config.components:
        width = _width(components, kept, min(known.shape) - 1)
        for model, score in (("pca", config.score), ("plain_pca", "plain")):
            yield model, kept, partial(_by_components, score, components, width, known)
    for count in config.neighbours:
        near = NearestNeighbors(n_neighbors=min(count, len(known))).fit(known)
        yield "nearest", count, partial(_farthest, near)
    for count in config.density_neighbours:
        dense = LocalOutlierFactor(n_neighbors=min(count, len(known) - 1), novelty=True).fit(known)
        yield "lof", count, partial(_negative, dense)
    for gamma in config.gammas:
        # Constant rows have no variance, and then any width will do.
        scaled = gamma / (known.var(0).sum() or 1)
        machine = OneClassSVM(nu=config.outliers, gamma=scaled).fit(known)
        yield "one_class_svm", gamma, partial(_negative, machine)


def _width(components: Principal, kept: NonNegative, most: int) -> int:
    """All components would leave no error, so ``most`` of them are kept."""
    if kept >= 1:
        return min(int(kept), most)
    shares = np.cumsum(components.variances) / components.total
    return min(int(np.searchsorted(shares, kept)) + 1, most)


def _by_components(
    score: Score, components: Principal, width: int, known: Array, rows: Array
) -> Array:
    pairs = ((values, components.rebuilt(values, width)) for values in (known, rows))
    return scored(score, *pairs)


def _farthest(near: "NearestNeighbors", rows: Array) -> Array:
    return near.kneighbors(rows)[0][:, -1]


def _negative(model: "LocalOutlierFactor | OneClassSVM", rows: Array) -> Array:
    return -model.score_samples(rows)
