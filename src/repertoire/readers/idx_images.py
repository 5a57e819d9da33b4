"""Labelled pictures in the idx files of MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao 2017).

The split is the official one. Its test pictures stay as they are; training pictures that occur
again, there or later in training, are left out.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array
from repertoire.data.dataset import Encoded
from repertoire.data.images import encode_pictures, picture_expectations, picture_table
from repertoire.data.sources import Files, expecting, unexpected
from repertoire.data.validation import Expectation

KIND = "images"
BYTES = 8  # the idx code of unsigned bytes


@dataclass(frozen=True)
class Pictures:
    """``names`` are those of the classes; the last ``valid`` training pictures are held out.

    ``ink`` is the least and the most share of white in a picture, ``brightest`` what its brightest
    pixel reaches at least.
    """

    side: Count
    names: tuple[str, ...]
    valid: Natural
    ink: tuple[float, ...]
    brightest: Count


@dataclass(frozen=True)
class Config(Pictures):
    """The evaluation classifier is that of ``repertoire.data.images``."""

    seed: Seed
    classifier_units: tuple[Count, ...]
    classifier_iterations: Natural


def read_idx(path: Path, axes: int) -> Array:
    """uint8 array of so many axes from a gzipped idx file."""
    with expecting(path, "packed by gzip"):
        content = gzip.decompress(path.read_bytes())
    head = 4 + 4 * axes
    if content[:4] != bytes((0, 0, BYTES, axes)) or len(content) < head:
        raise unexpected(path, f"not an idx file of bytes in {axes} axes")
    shape = np.frombuffer(content, ">i4", axes, 4)
    if len(content) - head != shape.prod(dtype=np.int64):
        raise unexpected(path, f"does not hold the {shape.tolist()} bytes that its head states")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def tabulate(config: Pictures, files: Files) -> pd.DataFrame:
    """One row a picture, training files first, each in its own order."""
    table = pd.concat([_read(config, files, p) for p in ("train", "test")], ignore_index=True)
    repeated = table.duplicated("key", keep="last") & (table["split"] == "train")
    table = table[~repeated].reset_index(drop=True)
    train = np.flatnonzero(table["split"] == "train")
    table.loc[train[-config.valid :], "split"] = "valid"
    return table


def _read(config: Pictures, files: Files, part: str) -> pd.DataFrame:
    path = files[f"{part}_images"]
    images, labels = read_idx(path, 3), read_idx(files[f"{part}_labels"], 1)
    if images.shape != (len(labels), config.side, config.side):
        wanted = f"{config.side} x {config.side} pixels for each of {len(labels)} labels"
        raise unexpected(path, f"{images.shape}, not {wanted}")
    pixels = images.reshape(len(images), -1)
    return picture_table(pixels, labels.astype(np.int64)).assign(split=part)


def expectations(config: Pictures) -> list[Expectation]:
    """Pixel range, labels, balance and ink."""
    return picture_expectations(len(config.names), config.ink, config.brightest)


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """uint8 images and labels a split, and the evaluation classifier's weights."""
    return encode_pictures(config, config.names, config.side, table)
