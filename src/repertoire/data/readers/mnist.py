"""Handwritten digits from a CSV of pixels and a label, and a judge that knows them.

The judge is a small perceptron trained on the training digits alone. Its hidden units are the
stated feature space of the Fréchet distance; its classes count what a generator covers.
"""

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.sources import Files, SourceError, members
from repertoire.data.validation import Expectation, expect


@dataclass(frozen=True)
class Digits:
    """Which digits there are and how they are split; split sizes are a class."""

    members: str
    side: int
    classes: int
    seed: int
    valid_per_class: int
    test_per_class: int


@dataclass(frozen=True)
class Config(Digits):
    """``judge_units`` holds the hidden widths of the perceptron."""

    judge_units: tuple[int, ...]
    judge_iterations: int


def tabulate(config: Digits, files: Files) -> pd.DataFrame:
    """One row an image; the last CSV column is the label."""
    pixels, labels = read_rows(files["digits"], config.members, config.side**2)
    table = described(pixels, labels)
    return split_by_class(table, config.seed, config.valid_per_class, config.test_per_class)


def read_rows(path: Path, pattern: str, width: int) -> tuple[Array, Array]:
    """Pixels (rows, width) and labels (rows,) of a compressed CSV in an archive."""
    [(name, content)] = members(path, pattern)
    try:
        rows = np.loadtxt(io.BytesIO(gzip.decompress(content)), delimiter=",", dtype=np.int64)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SourceError(f"{path}: {name} is damaged ({error}); delete it and repeat") from error
    if rows.ndim != 2 or rows.shape[1] != width + 1:
        raise SourceError(f"{path}: {name} has not {width} pixels and a label a row")
    return rows[:, :-1], rows[:, -1]


def described(pixels: Array, labels: Array) -> pd.DataFrame:
    """One row an image with what the expectations look at; its key is its pixels."""
    table = pd.DataFrame({"label": labels, "pixels": list(pixels)})
    table["key"] = [hashlib.sha256(p.tobytes()).hexdigest()[:16] for p in pixels]
    table["minimum"], table["maximum"] = pixels.min(1), pixels.max(1)
    table["ink"] = pixels.mean(1)
    return table


def split_by_class(table: pd.DataFrame, seed: int, valid: int, test: int) -> pd.DataFrame:
    """So many images of each class for validation and test; no image occurs twice."""
    table = table.drop_duplicates("key")
    # The file is sorted by label: without a shuffle, the first rows would be of one class.
    table = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    rank = table.groupby("label").cumcount()
    table["split"] = np.where(rank < test, "test", np.where(rank < test + valid, "valid", "train"))
    return table


def expectations(config: Digits) -> list[Expectation]:
    """Pixel range, labels, balance and ink."""
    classes = list(range(config.classes))
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
            min_value=64,
            max_value=255,
        ),
        expect(
            "ink covers 1 to 50 % of an image",
            "ExpectColumnValuesToBeBetween",
            column="ink",
            min_value=255 * 0.01,
            max_value=255 * 0.5,
        ),
        expect(
            "labels are the known classes",
            "ExpectColumnValuesToBeInSet",
            column="label",
            value_set=classes,
        ),
        expect(
            "classes are balanced",
            "ExpectColumnKLDivergenceToBeLessThan",
            column="label",
            partition_object={
                "values": classes,
                "weights": [1 / config.classes] * config.classes,
            },
            threshold=0.02,
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the judge's weights."""
    arrays: dict[str, Arrays] = {}
    for split in SPLITS:
        rows = table[table["split"] == split]
        images = np.stack(rows["pixels"].to_list()).astype(np.uint8)
        arrays[split] = {
            "images": images.reshape(-1, config.side, config.side),
            "labels": rows["label"].to_numpy(np.int64),
        }
    judge, accuracy = train_judge(
        config.judge_units, config.judge_iterations, config.seed, arrays["train"], arrays["valid"]
    )
    facts = {
        "kind": "images",
        "side": config.side,
        "classes": config.classes,
        "images": {split: len(arrays[split]["images"]) for split in SPLITS},
        "judge": f"ReLU perceptron {config.side**2}-{'-'.join(map(str, config.judge_units))}, "
        "trained on the training split",
        "judge_valid_accuracy": accuracy,
    }
    images_encoding = {
        "kind": "image",
        "dtype": "uint8",
        "range": [0, 255],
        "shape": [config.side, config.side],
    }
    return Encoded({**arrays, "judge": judge}, facts, {"images": images_encoding})


def train_judge(
    units: tuple[int, ...], iterations: int, seed: int, train: Arrays, valid: Arrays
) -> tuple[Arrays, float]:
    """Weights of a perceptron for ``images`` and ``labels``, and its accuracy on the second."""
    # Imported late: only readers of digits and domains train perceptrons.
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
    model.fit(train["images"].reshape(len(train["images"]), -1) / 255.0, train["labels"])
    guesses = model.predict(valid["images"].reshape(len(valid["images"]), -1) / 255.0)
    weights: Arrays = {}
    for depth, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        weights[f"weight_{depth}"] = weight.astype(np.float32)
        weights[f"bias_{depth}"] = bias.astype(np.float32)
    return weights, round(float(np.mean(guesses == valid["labels"])), 4)
