"""Images of any origin as arrays, with the feature space in which generated ones are compared.

The feature space is that of an evaluation classifier: a perceptron trained on training images (made
smaller, and evenly chosen where there are many) to tell their classes, or else their quarter turns.
One that is right about validation images no more often than a guess is not used.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.images import train_classifier
from repertoire.data.pixel_file import PixelFile
from repertoire.metrics.features import PIXELS
from repertoire.metrics.generation import reduced
from repertoire.metrics.principal import Principal, pixel_rows

ROWS = 10_000  # images that an evaluation classifier is trained on, at most
TESTED = 2_000  # validation images by which it is trusted, at most
SEEN = 32  # pixels of a side that it looks at, at most
CLEARLY = 3  # standard errors by which it must be better than a guess
COMPONENTS = 32  # of the pixels, where there is no such classifier
TURNS = 4
CLASS_METRICS = (
    "classes_covered",
    "class_divergence_nats",
    "label_agreement_percent",
    "class_change_percent",
)


@dataclass(frozen=True)
class Classifier:
    """The evaluation classifier: hidden ``units`` and passes over its training images."""

    units: tuple[Count, ...]
    iterations: Natural
    seed: Seed


@dataclass(frozen=True)
class Split:
    """Images of one split: their numbers in the pixel file, and their labels if any."""

    numbers: Array
    labels: Array | None


@dataclass(frozen=True)
class Space:
    """A feature space: arrays by name, and what the facts say of it."""

    arrays: dict[str, Arrays]
    facts: dict[str, Any]


def encode_images(
    pixels: PixelFile, splits: Mapping[str, Split], names: tuple[str, ...], settings: Classifier
) -> Encoded:
    """uint8 ``images`` a split, ``labels`` where there are classes, and the feature space."""
    arrays: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        part = splits[split]
        arrays[split] = {"images": pixels.blocks(part.numbers)}
        if part.labels is not None:
            arrays[split]["labels"] = part.labels.astype(np.int64)
    space = _space(pixels, splits, len(names), settings)
    side, _, *colours = pixels.shape
    facts = {
        "side": side,
        "channels": 3 if colours else 1,
        "classes": len(names),
        "names": list(names),
        "images": {split: len(splits[split].numbers) for split in SPLITS},
        **space.facts,
    }
    shape = list(pixels.shape)
    encoding = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded({**arrays, **space.arrays}, facts, {"images": encoding})


def _space(
    pixels: PixelFile, splits: Mapping[str, Split], classes: int, settings: Classifier
) -> Space:
    known, asked = (
        _chosen(splits[split], most) for split, most in (("train", ROWS), ("valid", TESTED))
    )
    factor = _reduction(pixels.shape[0])
    left_out: dict[str, str] = {}
    without = "the images have no classes"
    if classes:
        parts = [_labelled(pixels, part, factor) for part in (known, asked)]
        classifier, accuracy, guess = _classifier(settings, *parts)
        if accuracy > guess:
            return _trusted("classes", classifier, accuracy, settings, factor, left_out)
        without = (
            f"the evaluation classifier is right about {100 * accuracy:.1f} % of validation images "
            f"and a guess about up to {100 * guess:.1f} %"
        )
    left_out |= dict.fromkeys(CLASS_METRICS, without)
    if not classes:
        left_out["probe_accuracy_percent"] = without
    turned = [
        _turned(pixels, part, most, factor) for part, most in ((known, ROWS), (asked, TESTED))
    ]
    classifier, accuracy, guess = _classifier(settings, *turned)
    if accuracy > guess:
        return _trusted("rotations", classifier, accuracy, settings, factor, left_out)
    why = (
        f"{without}, and a classifier of their quarter turns is right about {100 * accuracy:.1f} % "
        f"(a guess up to {100 * guess:.1f} %), so that no features are known but pixels"
    )
    left_out |= {"frechet_distance": why, "coverage_percent": why}
    components = Principal(pixel_rows(pixels.images(known.numbers)))
    arrays = {
        "mean": components.mean.astype(np.float32),
        "directions": components.directions[:, :COMPONENTS].astype(np.float32),
    }
    return Space({PIXELS: arrays}, {"features": "pixels", "left_out": left_out})


def _trusted(
    features: str,
    classifier: Arrays,
    accuracy: float,
    settings: Classifier,
    factor: int,
    left_out: dict[str, str],
) -> Space:
    if factor > 1:
        classifier = {**classifier, "reduction": np.array([factor], np.int64)}
    what = "the classes" if features == "classes" else "quarter turns (Gidaris et al. 2018)"
    units = "-".join(map(str, (len(classifier["weight_0"]), *settings.units)))
    smaller = f" made {factor} times smaller" if factor > 1 else ""
    facts: dict[str, Any] = {
        "features": features,
        "classifier": f"ReLU perceptron {units} that tells {what} of training images{smaller}",
        "classifier_valid_accuracy": accuracy,
    }
    if left_out:
        facts["left_out"] = left_out
    return Space({"classifier": classifier}, facts)


def _reduction(side: int) -> int:
    """The least whole factor that makes a side ``SEEN`` pixels or fewer."""
    return next(f for f in range(1, side + 1) if side % f == 0 and side // f <= SEEN)


def _chosen(split: Split, most: int) -> Split:
    places = np.arange(len(split.numbers))
    if len(places) > most:
        places = np.linspace(0, len(places) - 1, most).round().astype(int)
    labels = None if split.labels is None else split.labels[places]
    return Split(split.numbers[places], labels)


def _labelled(pixels: PixelFile, split: Split, factor: int) -> Arrays:
    assert split.labels is not None
    return {"images": _small(pixels, split.numbers, factor), "labels": split.labels}


def _turned(pixels: PixelFile, split: Split, most: int, factor: int) -> Arrays:
    """Each image in its four quarter turns, which are the labels."""
    some = _chosen(split, most // TURNS)
    images = _small(pixels, some.numbers, factor)
    turned = [np.rot90(images, turn, (1, 2)) for turn in range(TURNS)]
    return {
        "images": np.concatenate(turned),
        "labels": np.repeat(np.arange(TURNS), len(images)),
    }


def _small(pixels: PixelFile, numbers: Array, factor: int) -> Array:
    """float32 levels (images, side, side, …) of images made ``factor`` times smaller."""
    parts = [reduced(block, factor) for block in pixels.blocks(numbers).blocks()]
    return np.concatenate(parts).astype(np.float32)


def _classifier(settings: Classifier, known: Arrays, asked: Arrays) -> tuple[Arrays, float, float]:
    """Weights, accuracy on ``asked``, and the most that a guess would reach there by chance."""
    classifier, accuracy = train_classifier(
        settings.units, settings.iterations, settings.seed, known, asked
    )
    labels, count = asked["labels"], len(asked["labels"])
    majority = np.bincount(known["labels"]).argmax()
    share = float(np.mean(labels == majority))
    return classifier, accuracy, share + CLEARLY * math.sqrt(max(share * (1 - share), 0.01) / count)
