"""The 8 x 8 digits that ship inside scikit-learn (Alpaydin and Kaynak 1998), black and white."""

from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array

SIDE = 8
DOTS = 16  # of a scan that a pixel counts; from half of them on it is white


@dataclass(frozen=True)
class TinyDigits:
    """float32 pixels (pictures, 64), 0 or 1, and labels from 0 to 9."""

    train: Array
    train_labels: Array
    test: Array
    test_labels: Array


def load_tiny_digits(test: int, seed: int) -> TinyDigits:
    """So many are held out, drawn by ``seed``; writers may be on both sides."""
    from sklearn.datasets import load_digits

    dots, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    pixels, labels = (dots[order] >= DOTS / 2).astype(np.float32), labels[order]
    return TinyDigits(pixels[test:], labels[test:], pixels[:test], labels[:test])
