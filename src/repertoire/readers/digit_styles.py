"""Two collections of handwritten digits that differ in style, without pairs.

Domain A: the digits of ``readers/mnist.py``. Domain B: the optically recognised digits of Alpaydin
and Kaynak 1998, 8x8 counts of ink from 0 to 16, interpolated to the box of A's digits, which lies
in the middle of the picture.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from repertoire.config import Natural
from repertoire.data.dataset import Encoded
from repertoire.data.images import picture_table
from repertoire.data.sources import Files
from repertoire.data.validation import Expectation, expect
from repertoire.kinds.image_domains.encoding import Classifiers, encode_domains, enlarged
from repertoire.readers import mnist

KIND = "image_domains"
SMALL, DARKEST = 8, 16  # side and largest count of an optical digit


@dataclass(frozen=True)
class Optical:
    """The second collection: ``box`` is the side, in pixels, to which a digit is enlarged."""

    members: str
    box: Natural
    valid_per_class: Natural
    test_per_class: Natural


@dataclass(frozen=True)
class Config(mnist.Config):
    """Sources: ``digits`` and ``optical``."""

    optical: Optical


def tabulate(config: Config, files: Files) -> pd.DataFrame:
    """The rows of A, then those of B."""
    first = mnist.tabulate(config, files)
    second = _optical(config, files)
    return pd.concat([first.assign(domain="a"), second.assign(domain="b")], ignore_index=True)


def _optical(config: Config, files: Files) -> pd.DataFrame:
    optical = config.optical
    counts, labels = mnist.read_rows(files["optical"], optical.members, SMALL**2)
    large = enlarged(counts.reshape(-1, SMALL, SMALL), optical.box) * (255 / DARKEST)
    rim = (config.side - optical.box) // 2
    framed = np.pad(large.round().astype(np.int64), ((0, 0), (rim, rim), (rim, rim)))
    table = picture_table(framed.reshape(len(framed), -1), labels)
    return mnist.split_by_class(table, config.seed, optical.valid_per_class, optical.test_per_class)


def expectations(config: Config) -> list[Expectation]:
    """Those of the digits, for both collections."""
    return [
        *mnist.expectations(config),
        expect(
            "a picture is of one of two collections",
            "ExpectColumnValuesToBeInSet",
            column="domain",
            value_set=["a", "b"],
        ),
    ]


def encode(config: Config, table: pd.DataFrame) -> Encoded:
    """Arrays and classifiers as ``encode_domains`` gives them."""
    facts = {
        "classes": config.classes,
        "names": [str(digit) for digit in range(config.classes)],
        "domains": {"a": "MNIST digit", "b": "optical digit"},
        "paired": False,
    }
    settings = Classifiers(config.classifier_units, config.classifier_iterations, config.seed)
    return encode_domains(table, (config.side, config.side), settings, facts)
