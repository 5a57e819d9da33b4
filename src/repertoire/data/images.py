"""Grey images with one label each and their evaluation classifier, shared by their readers.

The classifier is a small perceptron trained on the training images alone. Its hidden units are the
stated feature space of the Fréchet distance; its classes count what a generator covers.
"""

import hashlib
import warnings
from typing import TYPE_CHECKING, Protocol

import numpy as np

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.validation import Expectation, expect

if TYPE_CHECKING:
    import pandas as pd


class Judged(Protocol):
    """What the config of a reader says of the classifier; ``classifier_units`` are its widths."""

    @property
    def seed(self) -> int: ...
    @property
    def classifier_units(self) -> tuple[int, ...]: ...
    @property
    def classifier_iterations(self) -> int: ...


def picture_table(pixels: Array, labels: Array) -> "pd.DataFrame":
    """One row a picture of pixels (rows, side * side); equal pictures have equal keys."""
    import pandas as pd

    table = pd.DataFrame({"label": labels, "pixels": list(pixels)})
    table["key"] = [hashlib.sha256(p.tobytes()).hexdigest()[:16] for p in pixels]
    table["minimum"], table["maximum"] = pixels.min(1), pixels.max(1)
    table["ink"] = pixels.mean(1)
    return table


def picture_expectations(classes: int, ink: tuple[float, ...], brightest: int) -> list[Expectation]:
    """Pixel range, labels, balance and ink; ``ink`` is the least and the most share of white."""
    low, high = ink
    return [
        expect(
            "pixels are not below 0",
            "ExpectColumnValuesToBeBetween",
            column="minimum",
            min_value=0,
        ),
        expect(
            "pixels are not above 255 and no image is blank",
            "ExpectColumnValuesToBeBetween",
            column="maximum",
            min_value=brightest,
            max_value=255,
        ),
        expect(
            f"ink covers {100 * low:g} to {100 * high:g} % of an image",
            "ExpectColumnValuesToBeBetween",
            column="ink",
            min_value=255 * low,
            max_value=255 * high,
        ),
        expect(
            "labels are the known classes",
            "ExpectColumnValuesToBeInSet",
            column="label",
            value_set=list(range(classes)),
        ),
        expect(
            "classes are balanced",
            "ExpectColumnKLDivergenceToBeLessThan",
            column="label",
            partition_object={
                "values": list(range(classes)),
                "weights": [1 / classes] * classes,
            },
            threshold=0.02,
        ),
    ]


def encode_pictures(
    config: Judged, names: tuple[str, ...], side: int, table: "pd.DataFrame"
) -> Encoded:
    """uint8 images and labels a split, and the classifier's weights; ``names`` are of classes."""
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        images = np.stack(rows["pixels"].to_list()).astype(np.uint8)
        arrays[split] = {
            "images": images.reshape(-1, side, side),
            "labels": rows["label"].to_numpy(np.int64),
        }
    classifier, accuracy = train_classifier(
        config.classifier_units,
        config.classifier_iterations,
        config.seed,
        arrays["train"],
        arrays["valid"],
    )
    facts = {
        "side": side,
        "channels": 1,
        "classes": len(names),
        "names": list(names),
        "images": {split: len(arrays[split]["images"]) for split in SPLITS},
        "classifier": classifier_words(config, side),
        "classifier_valid_accuracy": accuracy,
    }
    encoding = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": [side, side]}
    return Encoded({**arrays, "classifier": classifier}, facts, {"images": encoding})


def classifier_words(config: Judged, side: int) -> str:
    """What the evaluation classifier is, for those who read its verdicts."""
    units = "-".join(map(str, config.classifier_units))
    return f"ReLU perceptron {side**2}-{units}, trained on the training split"


def train_classifier(
    units: tuple[int, ...], iterations: int, seed: int, train: Arrays, valid: Arrays
) -> tuple[Arrays, float]:
    """Weights of a perceptron for ``images`` and ``labels``, and its accuracy on the second."""
    # Imported late: only these readers train a perceptron.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        units,
        random_state=seed,
        max_iter=iterations,
        early_stopping=False,
        tol=0.0,
        n_iter_no_change=iterations,
    )
    # Unit scale in float32 is what the metric feeds it with later.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # iterations are few on purpose
        model.fit(train["images"].reshape(len(train["images"]), -1) / 255.0, train["labels"])
    guesses = model.predict(valid["images"].reshape(len(valid["images"]), -1) / 255.0)
    weights: Arrays = {}
    if model.n_outputs_ == 1:  # two classes share one logit: the first one's is 0
        model.coefs_[-1], model.intercepts_[-1] = (
            np.concatenate((np.zeros_like(last), last), axis=-1)
            for last in (model.coefs_[-1], model.intercepts_[-1])
        )
    for depth, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        weights[f"weight_{depth}"] = weight.astype(np.float32)
        weights[f"bias_{depth}"] = bias.astype(np.float32)
    return weights, round(float(np.mean(guesses == valid["labels"])), 4)
