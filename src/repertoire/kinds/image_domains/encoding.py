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
from repertoire.data.images import train_classifier
from repertoire.metrics.generation import reduced
from repertoire.metrics.principal import Principal, pixel_rows

DOMAINS = ("a", "b")
SEEN = 32  # pixels of a side that the evaluation classifiers of any domains look at, at most
SAME_MOMENTS = (
    "has by construction the means and covariances of pixels that the distance in principal "
    "components compares"
)


@dataclass(frozen=True)
class Classifiers:
    """Hidden widths and iterations of both perceptrons, and the seed they start from."""

    units: tuple[int, ...]
    iterations: int
    seed: int


@dataclass(frozen=True)
class Spaces:
    """For images with classes or without: perceptrons that learn the classes, as ``Classifiers``.

    They look at images that are made smaller, to ``SEEN`` pixels a side at most. Where they only
    guess, or there are no classes: ``components`` of each domain's training pixels.
    """

    units: tuple[Count, ...]
    iterations: Natural
    components: Count
    seed: Seed


def encode_domains(
    table: pd.DataFrame, shape: tuple[int, ...], settings: Classifiers, facts: dict[str, Any]
) -> Encoded:
    """uint8 ``a``, ``b`` (pictures, side, side[, 3]) and their labels a split, and the classifiers.

    ``facts`` name the ``domains`` and the classes, and say whether the n-th pictures of both
    are ``paired`` in validation and test.
    """
    arrays = _of_splits(table, shape)
    weights, known = _classifiers(arrays, settings, shape, 1)
    return _encoded({**arrays, **weights}, shape, {**known, **facts})


def encode_any_domains(
    table: pd.DataFrame, shape: tuple[int, ...], spaces: Spaces, facts: dict[str, Any]
) -> Encoded:
    """The same where there may be no classes, or none that a small classifier learns.

    Then ``components_a`` and ``components_b`` replace the classifiers, and ``left_out`` of the
    facts says of each metric and baseline that is left out why.
    """
    arrays = _of_splits(table, shape)
    reason = _unusable_classes(arrays, facts.get("classes", 0))
    if not reason:
        settings = Classifiers(spaces.units, spaces.iterations, spaces.seed)
        factor = next(f for f in (1, 2, 4) if shape[0] <= SEEN * f)
        weights, known = _classifiers(arrays, settings, shape, factor)
        reason = _guessing(arrays["valid"], known["classifier_valid_accuracies"])
        if not reason:
            return _encoded({**arrays, **weights}, shape, {**known, **facts, "left_out": {}})
    found, shares = {}, {}
    for domain in DOMAINS:
        space = Principal(pixel_rows(arrays["train"][domain]))
        found[f"components_{domain}"] = {
            "mean": space.mean.astype(np.float32),
            "directions": space.directions[:, : spaces.components].astype(np.float32),
        }
        kept = float(space.variances[: spaces.components].sum())
        shares[domain] = round(kept / space.total, 4) if space.total else 0.0
    known = {
        "space": "principal components of each domain's training pixels",
        "components": {d: found[f"components_{d}"]["directions"].shape[1] for d in DOMAINS},
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


def _classifiers(
    arrays: dict[str, Arrays], settings: Classifiers, shape: tuple[int, ...], factor: int
) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """The perceptron of each domain, for images made ``factor`` times smaller, and its facts."""
    found: dict[str, Arrays] = {}
    accuracies: dict[str, float] = {}
    for domain in DOMAINS:
        train, valid = (
            {
                "images": reduced(arrays[split][domain], factor),
                "labels": arrays[split][f"{domain}_labels"],
            }
            for split in ("train", "valid")
        )
        weights, accuracy = train_classifier(
            settings.units, settings.iterations, settings.seed, train, valid
        )
        if factor > 1:
            weights = {**weights, "reduction": np.array([factor], np.int64)}
        found[f"classifier_{domain}"], accuracies[domain] = weights, accuracy
    values = int(np.prod(shape)) // factor**2
    smaller = f" made {factor} times smaller" if factor > 1 else ""
    known = {
        "classifiers": f"ReLU perceptrons {'-'.join(map(str, (values, *settings.units)))}, "
        f"each trained on the training pictures of its domain{smaller}",
        "classifier_valid_accuracies": accuracies,
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
