"""The 8 x 8 digits that ship inside scikit-learn (Alpaydin and Kaynak 1998)."""

from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array

SIDE = 8
DOTS = 16  # that a pixel counts


@dataclass(frozen=True)
class TinyDigits:
    """float32 pixels (pictures, 64) from 0 to 16, and labels from 0 to 9."""

    train: Array
    train_labels: Array
    test: Array
    test_labels: Array


def load_tiny_digits(test: int, seed: int) -> TinyDigits:
    """So many are held out, drawn by ``seed``; writers may be on both sides."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    pixels, labels = pixels[order].astype(np.float32), labels[order]
    return TinyDigits(pixels[test:], labels[test:], pixels[:test], labels[:test])
