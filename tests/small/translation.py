"""Edges and styles of real 8x8 digits; one of the archives is that of the digits."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np


def write_optical(path: Path) -> None:
    """A source distribution whose one member holds scikit-learn's real digits, other ones."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.concatenate([np.flatnonzero(digits.target == c)[41:82] for c in range(10)])
    table = np.column_stack((digits.data[rows], digits.target[rows])).astype(int)
    content = gzip.compress("\n".join(",".join(map(str, row)) for row in table).encode(), mtime=0)
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("scikit_learn-1.9.1/sklearn/datasets/data/digits.csv.gz")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


ARCHIVES = {"scikit_learn-1.9.1.tar.gz": write_optical}
OPTICAL = {
    "members": "*/sklearn/datasets/data/digits.csv.gz",
    "box": 20,
    "valid_per_class": 5,
    "test_per_class": 7,
}
SPLIT = {"valid_per_class": 5, "test_per_class": 7}
DATA = {
    "digit_edges": SPLIT,
    "digit_styles": {**SPLIT, "judge_units": [13, 11], "optical": OPTICAL},
}
BASELINES = {"digit_edges": {"penalties": [1.0]}}
RECIPES = {
    "pix2pix_edges": {
        "channels": 3,
        "discriminator_channels": 5,
        "batch": 23,
        "chunk": 17,
        "shown": 5,
    },
    "cyclegan_digits": {
        "channels": 3,
        "blocks": 1,
        "discriminator_channels": 5,
        "past": 29,
        "batch": 23,
        "chunk": 17,
        "shown": 5,
    },
}
