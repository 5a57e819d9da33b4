"""Photographs to train and to test on, pictures whose style is wanted, and a net that judges both.

Photographs become squares of one size; whole photographs are held out, never parts of one. The
loss network is VGG-16 with published weights (``nn/perceptual.py``), which go with the data: nets
are trained and measured by it. So does what optimisation reaches on the test photographs after each
iteration: it takes minutes, and every net is compared with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from repertoire.config import Count, Natural
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.image_files import ImageFileError, read_whole, with_shorter_side
from repertoire.data.sources import Files, members, unexpected
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.styles.encoding import (
    Optimisation,
    encode_styles,
    likeness,
    size_expectations,
    square,
)
from repertoire.nn.measure import Measure
from repertoire.readers.helpers.images.vgg import vgg16_weights

KIND = "styles"


@dataclass(frozen=True)
class Pick:
    """Pictures of a source: the members of an archive that match a glob, or the file itself."""

    source: str
    members: str


@dataclass(frozen=True)
class Config:
    """Sources: ``loss_network``, and those that the picks name; ``weights`` is a file in it.

    ``side`` of photographs and ``style_side``, the shorter one of a style, are pixels. Test
    photographs are optimised for ``iterations``; ``threads`` decides the last digits.
    """

    train: tuple[Pick, ...]
    valid: tuple[Pick, ...]
    test: tuple[Pick, ...]
    styles: Mapping[str, Pick]
    weights: str
    measure: Measure
    side: Count
    style_side: Count
    iterations: Natural
    threads: Count


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """One row a picture; styles belong to training, so that none can be a test photograph."""
    picks = [(split, "", pick) for split in SPLITS for pick in getattr(config, split)]
    picks += [("train", name, pick) for name, pick in config.styles.items()]
    rows: list[dict[str, Any]] = [
        {"split": split, "style": style, "file": name, "pixels": pixels}
        for split, style, pick in picks
        for name, pixels in _pictures(files, pick)
    ]
    table = pd.DataFrame(rows)
    table.attrs["loss_network"] = files["loss_network"]  # no column: a path is not of the data
    table["key"] = [likeness(pixels) for pixels in table["pixels"]]
    table["height"], table["width"] = (
        [pixels.shape[axis] for pixels in table["pixels"]] for axis in (0, 1)
    )
    table["contrast"] = [float(pixels.std()) for pixels in table["pixels"]]
    return table


def _pictures(files: Files, pick: Pick) -> Iterator[tuple[str, Array]]:
    path = files[pick.source]
    found = members(path, pick.members) if pick.members else [(path.name, path.read_bytes())]
    for name, content in found:
        try:
            yield name, read_whole(content, name)
        except ImageFileError as error:
            raise unexpected(path, str(error)) from error


def expectations(config: Config) -> list[Expectation]:
    """Sizes, and every file once."""
    return [
        *size_expectations(config.side),
        expect("a file is taken once", "ExpectColumnValuesToBeUnique", column="file"),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """As ``kinds/styles/encoding.py`` says; photographs are cut to squares."""
    images: Arrays = {}
    for split in SPLITS:
        rows = table[(table["split"] == split) & (table["style"] == "")]
        images[split] = np.stack([square(p, config.side) for p in rows["pixels"].to_list()])
    paintings = table[table["style"] != ""]
    styles = {
        name: with_shorter_side(pixels, config.style_side)
        for name, pixels in zip(paintings["style"], paintings["pixels"], strict=True)
    }
    loss_network = vgg16_weights(table.attrs["loss_network"], config.weights, config.measure)
    optimisation = Optimisation(config.measure, config.iterations, config.threads)
    return encode_styles(images, styles, loss_network, optimisation)
