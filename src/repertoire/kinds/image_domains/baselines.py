"""Translation between domains without nets: none at all, matched grey levels, a linear map.

Nets see no pairs, so there is nothing to regress on, and the strongest simple map is the linear one
that gives the pictures the mean and covariance of the other domain. Its ridge is chosen by
validation. Real pictures of the target domain, drawn without a look at the source, would be nearer
to it than any translation: the floor says how near.

Where distances are in principal components for want of an evaluation classifier, they compare
nothing but such means and covariances. Then the linear map has no place, and there are two others:
the mean colour of the other domain, and the nearest training image there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from repertoire.config import Positive
from repertoire.contract import Array, Arrays, Data
from repertoire.kinds.image_domains.facts import Facts
from repertoire.kinds.image_domains.metrics import (
    DIRECTIONS,
    Space,
    distance_name,
    domain_measurement,
    spaces_of,
)
from repertoire.measured import Baseline
from repertoire.metrics.generation import (
    EvaluationClassifier,
    distance_of_halves,
    frechet_distance,
    squared_distances,
)
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("identity", "identity"),
    Baseline("histogram", "histogram matching"),
    Baseline("transport", "optimal transport between Gaussians of pixels"),
    Baseline("mean_colour", "image with the mean colour of the other domain"),
    Baseline("nearest_neighbour", "nearest training image"),
    Baseline("real_halves", "two halves of real images", "real"),
)
CHUNK = 100  # images whose neighbours are looked for at once


Translator = Callable[[Array], Array]


@dataclass(frozen=True)
class Config:
    """``ridges``, one of which is added to the variance of each pixel, in squared grey levels.

    None leaves the linear map out, whose cost grows with the cube of the pixels.
    """

    ridges: tuple[Positive, ...] | None


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Every metric of each on the test split, and the distance between halves of real pictures."""
    splits = {split: data.arrays(split) for split in ("train", "valid", "test")}
    train, test = splits["train"], splits["test"]
    spaces = spaces_of(data)
    pairs = {d: (train[source], train[target]) for d, (source, target) in DIRECTIONS.items()}
    made: dict[str, dict[str, Translator]] = {
        "identity": {direction: lambda images: images for direction in pairs},
        "histogram": {direction: matched_levels(*pair) for direction, pair in pairs.items()},
    }
    result = Scores()
    if not isinstance(spaces["a"], EvaluationClassifier):
        for name, fit in (("mean_colour", mean_colour), ("nearest_neighbour", nearest_image)):
            made[name] = {direction: fit(*pair) for direction, pair in pairs.items()}
    elif config.ridges is not None:
        made["transport"] = {}
        for direction, pair in pairs.items():
            ridge, translator = _best_transport(
                config.ridges, pair, splits["valid"], direction, spaces
            )
            made["transport"][direction] = translator
            result[f"transport_{direction}_ridge"] = ridge
    for name, ways in made.items():
        translated = {d: ways[d](test[source]) for d, (source, _) in DIRECTIONS.items()}
        measured = domain_measurement(translated, test, spaces, data.facts["paired"])
        result.measure(name, measured)
    result.update(_floors(train, test, spaces))
    return result


def _best_transport(
    ridges: tuple[float, ...],
    pair: tuple[Array, Array],
    valid: Arrays,
    direction: str,
    spaces: dict[str, Space],
) -> tuple[float, Translator]:
    """The one whose translations of validation pictures are nearest to the target domain."""
    source, target = DIRECTIONS[direction]
    space = spaces[target]
    real = space.features(valid[target])

    def distance(candidate: tuple[float, Translator]) -> float:
        return frechet_distance(space.features(candidate[1](valid[source])), real)

    return min(zip(ridges, transports(*pair, ridges), strict=True), key=distance)


def _floors(train: Arrays, test: Arrays, spaces: dict[str, Space]) -> dict[str, float]:
    """Between disjoint training pictures of the target domain, as many as a net is measured on."""
    found = {
        direction: distance_of_halves(
            spaces[target].features(train[target]), (len(test[source]), len(test[target]))
        )
        for direction, (source, target) in DIRECTIONS.items()
    }
    name = distance_name(spaces)
    result = {
        f"real_halves_{d}_{key.replace('frechet_distance', name)}": value
        for d, each in found.items()
        for key, value in each.items()
    }
    means, spreads = (
        np.array([each[key] for each in found.values()])
        for key in ("frechet_distance", "frechet_distance_spread")
    )
    return {
        f"real_halves_{name}": float(means.mean()),
        # The mean of two independent distances.
        f"real_halves_{name}_spread": float(np.sqrt(np.square(spreads).sum()) / 2),
        **result,
    }


def mean_colour(first: Array, second: Array) -> Translator:
    """All pixels are moved by the difference of both domains' mean levels, by colour."""
    rest = tuple(range(3))
    gap = second.mean(rest) - first.mean(rest)
    return lambda images: np.clip((images + gap).round(), 0, 255).astype(np.uint8)


def nearest_image(first: Array, second: Array) -> Translator:
    """The training image of the second domain at the least Euclidean distance of pixels."""
    known = second.reshape(len(second), -1).astype(np.float32)

    def translate(images: Array) -> Array:
        flat = images.reshape(len(images), -1).astype(np.float32)
        parts = [
            squared_distances(flat[at : at + CHUNK], known).argmin(1)
            for at in range(0, len(flat), CHUNK)
        ]
        return second[np.concatenate(parts)]

    return translate


def matched_levels(first: Array, second: Array) -> Translator:
    """Grey levels are exchanged so that theirs are spread as in the second domain, by colour."""
    tables = [_table(x, y) for x, y in zip(_by_colour(first), _by_colour(second), strict=True)]

    def translate(images: Array) -> Array:
        parts = [table[part] for table, part in zip(tables, _by_colour(images), strict=True)]
        return np.stack(parts, -1).reshape(images.shape)

    return translate


def _by_colour(images: Array) -> list[Array]:
    return [images] if images.ndim == 3 else list(np.moveaxis(images, -1, 0))


def _table(first: Array, second: Array) -> Array:
    """For each of 256 levels the one below which as many pixels of the second domain lie."""
    shares = [np.cumsum(np.bincount(x.ravel(), minlength=256)) / x.size for x in (first, second)]
    # A level stands for all pixels that have it: the middle of its share is compared.
    middles = [share - np.diff(share, prepend=0) / 2 for share in shares]
    return np.interp(middles[0], middles[1], np.arange(256)).round().astype(np.uint8)


def transports(first: Array, second: Array, ridges: tuple[float, ...]) -> Iterator[Translator]:
    """For each ridge the linear map between Gaussians of both domains that moves pixels least.

    With means m and covariances C: x -> m2 + T (x - m1), T = C1^-½ (C1^½ C2 C1^½)^½ C1^-½ (Knott
    and Smith 1984).
    """
    (mean, one), (other_mean, other) = (_moments(x) for x in (first, second))
    values, vectors = np.linalg.eigh(one)
    for ridge in ridges:
        spread = np.sqrt(np.clip(values, 0, None) + ridge)
        root, inverse = (vectors * spread) @ vectors.T, (vectors / spread) @ vectors.T
        matrix = inverse @ _root(root @ (other + ridge * np.eye(len(other))) @ root) @ inverse
        yield partial(_moved, matrix=matrix, means=(mean, other_mean))


def _moved(images: Array, matrix: Array, means: tuple[Array, Array]) -> Array:
    flat = images.reshape(len(images), -1) - means[0]
    moved = np.clip((flat @ matrix + means[1]).round(), 0, 255)
    return moved.astype(np.uint8).reshape(images.shape)


def _moments(images: Array) -> tuple[Array, Array]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    return flat.mean(0), np.cov(flat, rowvar=False)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
