"""Images of two domains without pairs, and the feature space in which they are compared.

A table has a row an image: ``domain`` is "a" or "b", ``label`` what it shows, -1 where there are no
classes. Labels serve the evaluation classifiers; no translator ever trains on them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.images import train_judge
from repertoire.metrics.principal_frechet import principal_components

DOMAINS = ("a", "b")
SAME_MOMENTS = (
    "has by construction the means and covariances of pixels that the distance in principal "
    "components compares"
)


@dataclass(frozen=True)
class Judges:
    """Hidden widths and iterations of both perceptrons, and the seed they start from."""

    units: tuple[int, ...]
    iterations: int
    seed: int


@dataclass(frozen=True)
class Spaces:
    """For images with classes or without: perceptrons where they learn the classes, as ``Judges``.

    Elsewhere as many principal ``components`` of each domain's training pixels.
    """

    units: tuple[Count, ...]
    iterations: Natural
    components: Count
    seed: Seed


def encode_domains(
    table: pd.DataFrame, shape: tuple[int, ...], judges: Judges, facts: dict[str, Any]
) -> Encoded:
    """uint8 ``a``, ``b`` (pictures, side, side[, 3]) and their labels a split, and the judges.

    ``facts`` name the ``domains`` and the classes, and say whether the n-th pictures of both
    are ``paired`` in validation and test.
    """
    arrays = _of_splits(table, shape)
    weights, known = _judges(arrays, judges, shape)
    return _encoded({**arrays, **weights}, shape, {**known, **facts})


def encode_any_domains(
    table: pd.DataFrame, shape: tuple[int, ...], spaces: Spaces, facts: dict[str, Any]
) -> Encoded:
    """The same where there may be no classes, or none that a small classifier learns.

    Then ``principal_a`` and ``principal_b`` are in place of the judges, and ``left_out`` of the
    facts says of each metric and baseline that is left out why.
    """
    arrays = _of_splits(table, shape)
    reason = _unusable_classes(arrays, facts.get("classes", 0))
    if not reason:
        judges = Judges(spaces.units, spaces.iterations, spaces.seed)
        weights, known = _judges(arrays, judges, shape)
        accuracies = known["judge_valid_accuracies"]
        reason = _guessing(arrays["valid"], accuracies)
        if not reason:
            return _encoded({**arrays, **weights}, shape, {**known, **facts, "left_out": {}})
    found, shares = {}, {}
    for domain in DOMAINS:
        space, share = principal_components(arrays["train"][domain], spaces.components)
        found[f"principal_{domain}"], shares[domain] = space, share
    known = {
        "space": "principal components of each domain's training pixels",
        "components": {d: found[f"principal_{d}"]["directions"].shape[1] for d in DOMAINS},
        "share_of_variance": shares,
        "left_out": {
            "frechet_distance": reason,
            "class_kept_percent": reason,
            "transport": f"a linear map {SAME_MOMENTS}",
        },
    }
    return _encoded({**arrays, **found}, shape, {**known, **facts})


def _unusable_classes(arrays: dict[str, Arrays], classes: int) -> str:
    """Why no classifier of either domain can be trained; "" where they can."""
    if classes < 2:
        return "the images have no classes that both domains share"
    for domain in DOMAINS:
        if len(np.unique(arrays["train"][f"{domain}_labels"])) < classes:
            return f"domain {domain} lacks training images of a class"
    return ""


def _guessing(valid: Arrays, accuracies: dict[str, float]) -> str:
    """Which evaluation classifier makes more than half of the errors of the most frequent class."""
    for domain in DOMAINS:
        labels = valid[f"{domain}_labels"]
        frequent = float(np.bincount(labels).max() / len(labels))
        if accuracies[domain] < (1 + frequent) / 2:
            return (
                f"the evaluation classifier of domain {domain} guesses: it is right of "
                f"{100 * accuracies[domain]:.1f} % of the validation images, the most frequent "
                f"class of {100 * frequent:.1f} %"
            )
    return ""


def _judges(
    arrays: dict[str, Arrays], judges: Judges, shape: tuple[int, ...]
) -> tuple[dict[str, Arrays], dict[str, Any]]:
    found: dict[str, Arrays] = {}
    accuracies: dict[str, float] = {}
    for domain in DOMAINS:
        train, valid = (
            {"images": arrays[s][domain], "labels": arrays[s][f"{domain}_labels"]}
            for s in ("train", "valid")
        )
        weights, accuracy = train_judge(judges.units, judges.iterations, judges.seed, train, valid)
        found[f"judge_{domain}"], accuracies[domain] = weights, accuracy
    known = {
        "judges": f"ReLU perceptrons {'-'.join(map(str, (int(np.prod(shape)), *judges.units)))}, "
        "each trained on the training pictures of its domain",
        "judge_valid_accuracies": accuracies,
    }
    return found, known


def _encoded(arrays: dict[str, Arrays], shape: tuple[int, ...], facts: dict[str, Any]) -> Encoded:
    side, _, *colours = shape
    known = {
        "side": side,
        "colours": colours[0] if colours else 1,
        "pictures": {split: sum(len(arrays[split][d]) for d in DOMAINS) for split in SPLITS},
        **facts,
    }
    images = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": list(shape)}
    return Encoded(arrays, known, {"images": images})


def _of_splits(table: pd.DataFrame, shape: tuple[int, ...]) -> dict[str, Arrays]:
    return {split: _of_split(table[table["split"] == split], shape) for split in SPLITS}


def _of_split(rows: pd.DataFrame, shape: tuple[int, ...]) -> Arrays:
    arrays: Arrays = {}
    for domain in DOMAINS:
        own = rows[rows["domain"] == domain]
        arrays[domain] = np.stack(own["pixels"].to_list()).astype(np.uint8).reshape(-1, *shape)
        arrays[f"{domain}_labels"] = own["label"].to_numpy(np.int64)
    return arrays


def enlarged(images: Array, side: int) -> Array:
    """Pictures (pictures, small, small) of any scale, linearly interpolated to ``side`` pixels.

    A pixel is an area: its value holds at its centre, and the outer ones reach to the rim.
    """
    small = images.shape[1]
    places = (np.arange(side) + 0.5) * small / side - 0.5
    shares = np.array([np.interp(places, np.arange(small), row) for row in np.eye(small)]).T
    return shares @ images @ shares.T
