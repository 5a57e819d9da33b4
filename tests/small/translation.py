"""Edges and styles of real 8x8 digits."""

import gzip

import numpy as np


def optical_digits() -> bytes:
    """Scikit-learn's real digits, other ones than the small MNIST's, as its own file holds them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.concatenate([np.flatnonzero(digits.target == c)[41:82] for c in range(10)])
    table = np.column_stack((digits.data[rows], digits.target[rows])).astype(int)
    return gzip.compress("\n".join(",".join(map(str, row)) for row in table).encode(), mtime=0)


OPTICAL = {
    "members": "*/sklearn/datasets/data/digits.csv.gz",
    "box": 20,
    "valid_per_class": 5,
    "test_per_class": 7,
}
SPLIT = {"valid_per_class": 5, "test_per_class": 7}
DATA = {
    "digit_edges": SPLIT,
    "digit_styles": {**SPLIT, "classifier_units": [13, 11], "optical": OPTICAL},
}
BASELINES = {"digit_edges": {"penalties": [1.0], "copies": [1], "neighbours": [3]}}
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
