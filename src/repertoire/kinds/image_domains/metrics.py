"""How well pictures of one domain become pictures of another."""

from collections.abc import Callable, Mapping

import numpy as np

from repertoire.contract import Array, Arrays, Measurement
from repertoire.metrics.generation import GROUPS, Judge, Moments, distance_of
from repertoire.metrics.similarity import l1_each, ssim

DIRECTIONS = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}  # graph -> source, target


def domain_measurement(
    translated: Mapping[str, Array], real: Arrays, judges: Mapping[str, Judge], paired: bool
) -> Measurement:
    """Of both directions, and the mean of both under the metric's own name.

    ``translated`` holds pictures by direction, ``real`` the pictures of each domain and its labels.
    The distance is Fréchet's to the target domain, in the features of the target's own judge; a
    class is kept if that judge still sees it. Where ``paired``, the n-th pictures of both domains
    belong together, and translations are compared with their true partners. Units are groups of
    pictures, of which each domain has as many.
    """
    groups = min(GROUPS, len(real["a"]), len(real["b"]))
    ways = {
        direction: _direction(translated[direction], (source, target), real, judges[target], groups)
        for direction, (source, target) in DIRECTIONS.items()
    }
    for direction, (_, target) in DIRECTIONS.items():
        if paired:
            images, partners = translated[direction], real[target]
            ways[direction]["l1_levels"] = mean_of(l1_each(images, partners), groups)
            ways[direction]["ssim"] = mean_of(ssim(images, partners), groups)

    def measure(rows: Array) -> dict[str, float]:
        found = {d: {name: of(rows) for name, of in way.items()} for d, way in ways.items()}
        means = {n: float(np.mean([each[n] for each in found.values()])) for n in found["a_to_b"]}
        return means | {f"{d}_{name}": v for d, each in found.items() for name, v in each.items()}

    return Measurement(groups, measure)


def _direction(
    images: Array, domains: tuple[str, str], real: Arrays, judge: Judge, groups: int
) -> dict[str, Callable[[Array], float]]:
    """Metrics of any groups of pictures, by name."""
    source, target = domains
    first, second = (Moments(judge.features(x), groups) for x in (images, real[target]))
    kept = judge.classes(images) == real[f"{source}_labels"]
    return {
        "frechet_distance": lambda rows: distance_of(first, second, rows),
        "class_kept_percent": mean_of(100.0 * kept, groups),
    }


def mean_of(values: Array, groups: int) -> Callable[[Array], float]:
    """The mean of values (samples,) over any of the groups that ``Moments`` makes of samples."""
    parts = np.array_split(np.asarray(values, np.float64), groups)
    sums, counts = (
        np.array(each, float) for each in zip(*((p.sum(), len(p)) for p in parts), strict=True)
    )
    return lambda rows: float(sums[rows].sum() / counts[rows].sum())
