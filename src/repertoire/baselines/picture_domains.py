"""Translation between domains without nets: none at all, matched grey levels, a linear map."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array, Arrays, Data
from repertoire.metrics.generation import Judge, frechet_distance
from repertoire.metrics.translation import DIRECTIONS, domain_metrics

NAMES = (  # patterns of the metrics that a gate may name
    "(histogram|identity|transport|real_halves)_((a_to_b|b_to_a)_)?(frechet_distance|class_kept_percent)",
)


Translator = Callable[[Array], Array]


@dataclass(frozen=True)
class Config:
    """``ridge`` is added to the variance of each pixel, in squared grey levels.

    None leaves the linear map out, whose cost grows with the cube of the pixels.
    """

    ridge: float | None


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Every metric of each on the test split, and the distance between halves of real pictures."""
    train, test = data.arrays("train"), data.arrays("test")
    judges = {domain: Judge(data.arrays(f"judge_{domain}")) for domain in ("a", "b")}
    result: dict[str, float] = {}
    for name, made in _translators(config, train).items():
        translated = {d: made[d](test[source]) for d, (source, _) in DIRECTIONS.items()}
        metrics = domain_metrics(translated, test, judges, data.facts["paired"])
        result |= {f"{name}_{metric}": value for metric, value in metrics.items()}
    floors = {
        direction: _floor(train[target], len(test[target]), judges[target])
        for direction, (_, target) in DIRECTIONS.items()
    }
    result["real_halves_frechet_distance"] = float(np.mean(list(floors.values())))
    return result | {f"real_halves_{d}_frechet_distance": value for d, value in floors.items()}


def _translators(config: Config, train: Arrays) -> dict[str, dict[str, Translator]]:
    """By name and direction."""
    pairs = {d: (train[source], train[target]) for d, (source, target) in DIRECTIONS.items()}
    made: dict[str, dict[str, Translator]] = {
        "identity": {direction: lambda images: images for direction in pairs},
        "histogram": {direction: matched_levels(*pair) for direction, pair in pairs.items()},
    }
    if config.ridge is not None:
        made["transport"] = {d: transport(*pair, config.ridge) for d, pair in pairs.items()}
    return made


def _floor(images: Array, most: int, judge: Judge) -> float:
    """Between two halves of training pictures, of at most as many as the test split has."""
    half = len(images) // 2
    first, second = judge.features(images[:half][:most]), judge.features(images[half:][:most])
    return frechet_distance(first, second)


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


def transport(first: Array, second: Array, ridge: float) -> Translator:
    """The linear map between Gaussians fitted to both domains that moves pixels least.

    With means m and covariances C: x -> m2 + T (x - m1), T = C1^-½ (C1^½ C2 C1^½)^½ C1^-½ (Knott
    and Smith 1984).
    """
    (mean, one), (other_mean, other) = (_moments(x, ridge) for x in (first, second))
    root, inverse = _power(one, 0.5), _power(one, -0.5)
    matrix = inverse @ _power(root @ other @ root, 0.5) @ inverse

    def translate(images: Array) -> Array:
        flat = images.reshape(len(images), -1) - mean
        moved = np.clip((flat @ matrix + other_mean).round(), 0, 255)
        return moved.astype(np.uint8).reshape(images.shape)

    return translate


def _moments(images: Array, ridge: float) -> tuple[Array, Array]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    covariance = np.cov(flat, rowvar=False)
    return flat.mean(0), covariance + ridge * np.eye(len(covariance))


def _power(matrix: Array, exponent: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.clip(values, 1e-12, None) ** exponent) @ vectors.T
