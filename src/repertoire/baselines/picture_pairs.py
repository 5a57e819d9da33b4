"""Pairs of pictures without nets: the source itself, the nearest known pair, a linear map."""

from dataclasses import dataclass

import numpy as np

from repertoire.contract import Array, Arrays, Data
from repertoire.metrics.similarity import l1_levels, pair_metrics

NAMES = (  # patterns of the metrics that a gate may name
    "(identity|linear_map|nearest_source)_(l1_levels|ssim)",
)
LEVELS = np.float32(255)


@dataclass(frozen=True)
class Config:
    """``penalties`` of the linear map, among which validation chooses; sources are scaled to 1."""

    penalties: tuple[float, ...]


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Error and similarity of each on the test split."""
    train, valid, test = (data.arrays(split) for split in ("train", "valid", "test"))
    nearest = nearest_sources(train["sources"], test["sources"])
    guesses = {
        "identity": test["sources"],
        "nearest_source": train["targets"][nearest],
        "linear_map": linear_map(config, train, valid, test["sources"]),
    }
    return {
        f"{name}_{metric}": value
        for name, guess in guesses.items()
        for metric, value in pair_metrics(guess, test["targets"]).items()
    }


def nearest_sources(known: Array, asked: Array) -> Array:
    """For each picture asked, the number of the known one at the least Euclidean distance."""
    first, second = (_flat(images) for images in (known, asked))
    length = (first**2).sum(1)
    return np.array([(length - 2 * row @ first.T).argmin() for row in second], np.int64)


def linear_map(config: Config, train: Arrays, valid: Arrays, asked: Array) -> Array:
    """Pixels of the target by ridge regression from those of the source, as uint8.

    The penalty is the one of the least mean absolute difference on validation.
    """
    translators = [Linear(train, penalty) for penalty in config.penalties]
    errors = [l1_levels(t(valid["sources"]), valid["targets"]) for t in translators]
    return translators[int(np.argmin(errors))](asked)


class Linear:
    """Ridge regression, solved in whichever of pixels and pictures there are fewer."""

    def __init__(self, train: Arrays, penalty: float) -> None:
        known, wanted = _flat(train["sources"]) / LEVELS, _flat(train["targets"])
        self.shape = train["targets"].shape[1:]
        self.mean, self.offset = known.mean(0), wanted.mean(0)
        known, wanted = known - self.mean, wanted - self.offset
        if len(known) < known.shape[1]:
            matrix = known @ known.T + penalty * np.eye(len(known), dtype=np.float32)
            self.weight = known.T @ np.linalg.solve(matrix, wanted)
        else:
            matrix = known.T @ known + penalty * np.eye(known.shape[1], dtype=np.float32)
            self.weight = np.linalg.solve(matrix, known.T @ wanted)

    def __call__(self, images: Array) -> Array:
        guesses = (_flat(images) / LEVELS - self.mean) @ self.weight + self.offset
        return np.clip(guesses.round(), 0, 255).astype(np.uint8).reshape(-1, *self.shape)


def _flat(images: Array) -> Array:
    return images.reshape(len(images), -1).astype(np.float32)
