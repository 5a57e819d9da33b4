"""How well pictures of one domain become pictures of another."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from repertoire.contract import Array, Arrays, Data, Measurement
from repertoire.kinds.image_domains.facts import Domain, Facts
from repertoire.measured import Metric
from repertoire.metrics.features import PixelComponents
from repertoire.metrics.generation import (
    FRECHET_DISTANCE,
    GROUPS,
    EvaluationClassifier,
    Moments,
    distance_of,
)
from repertoire.metrics.similarity import L1_LEVELS, SSIM, l1_each, ssim

# Graph -> source, target.
DIRECTIONS: dict[str, tuple[Domain, Domain]] = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}
BOTH = (  # directions; their mean has the key of the metric itself
    FRECHET_DISTANCE,
    Metric(
        "principal_frechet_distance", "Fréchet distance in principal components", "white²", "lower"
    ),
    Metric("class_kept_percent", "Class kept", "%", "higher"),
    L1_LEVELS,
    SSIM,
)
BACK = Metric("reconstruction_levels", "Cycle-consistency error", "grey levels", "lower")


def in_direction(metric: Metric, direction: str) -> Metric:
    """The metric of one direction alone."""
    way = " to ".join(domain.upper() for domain in DIRECTIONS[direction])
    return replace(metric, key=f"{direction}_{metric.key}", label=f"{metric.label}, {way}")


METRICS = (
    *BOTH,
    *(in_direction(metric, direction) for metric in (*BOTH, BACK) for direction in DIRECTIONS),
)
Space: TypeAlias = EvaluationClassifier | PixelComponents


def spaces_of(data: Data[Facts]) -> dict[str, Space]:
    """By domain, the space in which images are compared with real ones of that domain.

    The features of its evaluation classifier; where there is none, its principal components.
    """
    if "classifiers" in data.facts:
        return {
            domain: EvaluationClassifier(data.arrays(f"classifier_{domain}"))
            for domain in ("a", "b")
        }
    return {domain: PixelComponents(data.arrays(f"components_{domain}")) for domain in ("a", "b")}


def distance_name(spaces: Mapping[str, Space]) -> str:
    """What the Fréchet distance in these spaces is called."""
    return (
        "frechet_distance"
        if isinstance(spaces["a"], EvaluationClassifier)
        else "principal_frechet_distance"
    )


def domain_measurement(
    translated: Mapping[str, Array], real: Arrays, spaces: Mapping[str, Space], paired: bool
) -> Measurement:
    """Of both directions, and the mean of both under the metric's own name.

    ``translated`` holds pictures by direction, ``real`` the pictures of each domain and its labels.
    The distance is Fréchet's to the target domain, in the target's own space; where that is of an
    evaluation classifier, a class is kept if the classifier still sees it. Where ``paired``, the
    n-th pictures of both domains belong together, and translations are compared with their true
    partners. Units are groups of pictures, of which each domain has as many.
    """
    groups = min(GROUPS, len(real["a"]), len(real["b"]))
    ways = {
        direction: _direction(translated[direction], (source, target), real, spaces[target], groups)
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
    images: Array, domains: tuple[str, str], real: Arrays, space: Space, groups: int
) -> dict[str, Callable[[Array], float]]:
    """Metrics of any groups of pictures, by name."""
    source, target = domains
    first, second = (Moments(space.features(x), groups) for x in (images, real[target]))
    name = distance_name({"a": space})
    found = {name: lambda rows: distance_of(first, second, rows)}
    if isinstance(space, EvaluationClassifier):
        kept = space.classes(images) == real[f"{source}_labels"]
        found["class_kept_percent"] = mean_of(100.0 * kept, groups)
    return found


def mean_of(values: Array, groups: int) -> Callable[[Array], float]:
    """The mean of values (samples,) over any of the groups that ``Moments`` makes of samples."""
    parts = np.array_split(np.asarray(values, np.float64), groups)
    sums, counts = (
        np.array(each, float) for each in zip(*((p.sum(), len(p)) for p in parts), strict=True)
    )
    return lambda rows: float(sums[rows].sum() / counts[rows].sum())
