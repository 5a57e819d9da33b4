"""How well pictures of one domain become pictures of another."""

from collections.abc import Mapping

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.metrics.generation import Judge, frechet_distance
from repertoire.metrics.similarity import pair_metrics

DIRECTIONS = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}  # graph -> source, target


def direction_metrics(
    translated: Array, target: str, labels: Array, real: Arrays, judge: Judge
) -> dict[str, float]:
    """Of one direction: distance to the target domain, and share whose class its judge still sees.

    ``labels`` are those of the sources; ``real`` holds the pictures of the target domain as
    ``target``. The distance is Fréchet's in the features of the target's own judge.
    """
    return {
        "frechet_distance": frechet_distance(
            judge.features(translated), judge.features(real[target])
        ),
        "class_kept_percent": 100 * float(np.mean(judge.classes(translated) == labels)),
    }


def domain_metrics(
    translated: Mapping[str, Array], real: Arrays, judges: Mapping[str, Judge], paired: bool
) -> dict[str, float]:
    """Of both directions, and the mean of both under the metric's own name.

    ``translated`` holds pictures by direction. Where ``paired``, the n-th pictures of both domains
    belong together, and translations are compared with their true partners.
    """
    found: dict[str, dict[str, float]] = {}
    for direction, (source, target) in DIRECTIONS.items():
        images = translated[direction]
        found[direction] = direction_metrics(
            images, target, real[f"{source}_labels"], real, judges[target]
        )
        if paired:
            found[direction] |= pair_metrics(images, real[target])
    names = list(found["a_to_b"])
    means = {name: float(np.mean([each[name] for each in found.values()])) for name in names}
    return means | {f"{d}_{name}": each[name] for d, each in found.items() for name in names}
