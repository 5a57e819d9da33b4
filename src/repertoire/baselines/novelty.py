"""Novelty without nets: error of principal components, distances, and a forest of random cuts.

Each is fitted to the normal training rows of each detector alone and scored as the nets are.
"""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, NonNegative, Seed
from repertoire.contract import Array, Data
from repertoire.metrics.novelty import Trial, normal_rows, ranking_metrics, trials

NAMES = (  # patterns of the metrics that a gate may name
    "(isolation_forest|mahalanobis|nearest|pca|relative_pca)_(average_precision|(worst_)?roc_auc)_percent",
)
MODELS = ("pca", "relative_pca", "mahalanobis", "isolation_forest", "nearest")


@dataclass(frozen=True)
class Config:
    """``components``: so many, or below 1 as many as hold that share of the variance.

    ``neighbours``: the distance to the last of so many is the score.
    """

    components: NonNegative
    trees: Count
    neighbours: Count
    seed: Seed


def baselines(config: Config, data: Data, split: str = "test") -> dict[str, float]:
    """Means over detectors of both areas on the split, in percent."""
    train, other = data.arrays("train"), data.arrays(split)
    detectors = len(data.facts["names"])
    parts: dict[str, list[Trial]] = {model: [] for model in MODELS}
    for detector in range(detectors):
        own = normal_rows(train, detector, data.facts["contaminated"])
        known, asked = (_values(data, a, detector) for a in (train, other))
        empty = np.zeros((len(other["labels"]), detectors))
        part = trials(other, empty)[detector]
        for model in MODELS:
            scores = score(config, model, known[own], asked[part.rows])
            parts[model].append(part._replace(scores=scores))
    found = {
        f"{model}_{key}": value
        for model in MODELS
        for key, value in ranking_metrics(parts[model]).items()
    }
    return {**found, "pca_components": config.components, "nearest_rank": config.neighbours}


def _values(data: Data, arrays: dict[str, Array], detector: int) -> Array:
    """Float rows as the nets see them: grey levels of 0 to 1, or standardised columns."""
    if "images" in arrays:
        return arrays["images"].reshape(len(arrays["images"]), -1) / 255.0
    width = len(data.facts["columns"][detector])
    center, scale = (np.array(data.facts[name][detector])[:width] for name in ("center", "scale"))
    return (arrays["rows"][:, :width].astype(np.float64) - center) / scale


def score(config: Config, model: str, known: Array, asked: Array) -> Array:
    """How novel the rows ``asked`` are to a model of the rows ``known``: higher is more so."""
    # Imported late: only these baselines need them.
    from sklearn.covariance import LedoitWolf
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    if model in ("pca", "relative_pca"):
        kept = config.components
        most = min(known.shape) - 1  # all of them would leave no error
        width = kept if kept < 1 else min(int(kept), most)
        fitted = PCA(width, svd_solver="full").fit(known)
        rebuilt = fitted.inverse_transform(fitted.transform(asked))
        error = np.square(asked - rebuilt).mean(1)
        usual = np.square(asked).mean(1) + np.square(known).mean()
        return error / usual if model == "relative_pca" else error
    if model == "mahalanobis":
        # Shrunk, or more columns than rows would have no distance at all.
        return np.asarray(LedoitWolf().fit(known).mahalanobis(asked))
    if model == "isolation_forest":
        forest = IsolationForest(n_estimators=config.trees, random_state=config.seed).fit(known)
        return -np.asarray(forest.score_samples(asked))
    neighbours = NearestNeighbors(n_neighbors=config.neighbours).fit(known)
    return np.asarray(neighbours.kneighbors(asked)[0][:, -1])
