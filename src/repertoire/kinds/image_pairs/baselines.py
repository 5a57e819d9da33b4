"""Pairs of pictures without nets: the source itself, nearest known pairs, a linear map.

Both that learn see training pairs as the nets do, moved by as many pixels and mirrored or not, if
that helps on validation, where their other settings are chosen, too. The median of the partners of
several nearest sources has the least absolute difference; ridge regression is the usual linear
map. Stronger methods without nets (Hertzmann et al. 2001, "Image analogies") copy patches and are
made for texture, not for a small difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Natural, NonNegative, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.measured import Baseline
from repertoire.metrics.similarity import l1_levels, pair_measurement
from repertoire.metrics.uncertainty import Scores

BASELINES = (
    Baseline("identity", "identity"),
    Baseline("linear_map", "linear map of pixels, ridge"),
    Baseline("nearest_source", "{nearest_source_neighbours:.0f} nearest neighbours"),
)
LEVELS = np.float32(255)
CHUNK = 250  # pictures whose distances are held at once


@dataclass(frozen=True)
class Config:
    """Candidates among which validation chooses, and how training pairs may be moved.

    ``copies``: so many more of each training pair, moved at random by up to ``shift`` pixels each
    way, half of them mirrored if ``mirrored``. ``neighbours`` are the nearest sources whose
    partners have a median; ``penalties`` those of the linear map, with sources scaled to 1. No
    penalties leave the linear map out, whose cost grows with the square of pixels or of pairs.
    """

    copies: tuple[Natural, ...]
    shift: Natural
    mirrored: bool
    neighbours: tuple[Count, ...]
    penalties: tuple[NonNegative, ...]
    seed: Seed


def baselines(config: Config, data: Data) -> Scores:
    """Error and similarity of each on the test split, and the settings chosen."""
    train, valid, test = (data.arrays(split) for split in ("train", "valid", "test"))
    found = Scores()
    guesses = {"identity": test["sources"]}
    models = [("nearest_source", "neighbours", _by_neighbours(config, train, valid, test))]
    if config.penalties:
        models.append(("linear_map", "penalty", _by_penalties(config, train, valid, test)))
    for model, setting, tried in models:
        best = min(tried, key=lambda each: l1_levels(each[2], valid["targets"]))
        found.update({f"{model}_copies": best[0], f"{model}_{setting}": best[1]})
        guesses[model] = best[3]
    for name, guess in guesses.items():
        found.measure(name, pair_measurement(guess, test["targets"]))
    return found


# Copies, another setting, and the guesses for validation and test sources.
Tried = tuple[int, float, Array, Array]


def _by_neighbours(config: Config, train: Arrays, valid: Arrays, test: Arrays) -> Iterator[Tried]:
    most = max(config.neighbours)
    for copies in config.copies:
        pairs = with_copies(config, train, copies)
        near = [nearest_sources(pairs["sources"], x["sources"], most) for x in (valid, test)]
        for count in config.neighbours:
            first, second = (_medians(pairs["targets"], rows[:, :count]) for rows in near)
            yield copies, count, first, second


def _medians(targets: Array, near: Array) -> Array:
    """The median partner, pixel by pixel, of each row of numbers."""
    return np.stack([np.median(targets[rows], axis=0) for rows in near]).round().astype(np.uint8)


def _by_penalties(config: Config, train: Arrays, valid: Arrays, test: Arrays) -> Iterator[Tried]:
    for copies in config.copies:
        moments = Moments(with_copies(config, train, copies))
        for penalty in config.penalties:
            translate = Linear(moments, penalty)
            yield copies, penalty, translate(valid["sources"]), translate(test["sources"])


def with_copies(config: Config, train: Arrays, copies: int) -> Arrays:
    """Training pairs and so many moved copies of each; both pictures of a pair move alike."""
    rng = np.random.default_rng(config.seed)
    names, reach = ("sources", "targets"), config.shift
    count, side = train["sources"].shape[:2]
    found = {name: [train[name]] for name in names}
    for _ in range(copies):
        corners = rng.integers(0, 2 * reach + 1, (2, count, 1))
        down, right = (corner + np.arange(side) for corner in corners)
        if config.mirrored:
            right = np.where(rng.random((count, 1)) < 0.5, right[:, ::-1], right)
        for name in names:
            rest = [(0, 0)] * (train[name].ndim - 3)
            padded = np.pad(train[name], [(0, 0), (reach, reach), (reach, reach), *rest])
            places = np.arange(count)[:, None, None], down[:, :, None], right[:, None]
            found[name].append(padded[places])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def nearest_sources(known: Array, asked: Array, count: int = 1) -> Array:
    """For each picture asked, the numbers (asked, count) of the known ones at the least distance.

    The distance is Euclidean; the nearest is the first.
    """
    first, second = (_flat(images) for images in (known, asked))
    length, count = (first**2).sum(1), min(count, len(first))
    found = []
    for start in range(0, len(second), CHUNK):
        distances = length - 2 * second[start : start + CHUNK] @ first.T
        near = np.argpartition(distances, count - 1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, near, 1), kind="stable")
        found.append(np.take_along_axis(near, order, 1))
    return np.concatenate(found)


class Moments:
    """What ridge regression needs of pairs, in whichever of pixels and pictures there are fewer."""

    def __init__(self, pairs: Arrays) -> None:
        known, wanted = _flat(pairs["sources"]) / LEVELS, _flat(pairs["targets"])
        self.shape = pairs["targets"].shape[1:]
        self.mean, self.offset = known.mean(0), wanted.mean(0)
        self.known, self.wanted = known - self.mean, wanted - self.offset
        self.dual = len(known) < known.shape[1]
        self.square = self.known @ self.known.T if self.dual else self.known.T @ self.known
        self.product = self.wanted if self.dual else self.known.T @ self.wanted

    def solved(self, penalty: float) -> Array:
        """Least squares with a penalty on the squares of the weights.

        The weights (pixels, pixels of the target); with fewer pictures than pixels what each
        picture counts (pictures, pixels of the target), which takes less memory.
        """
        ridge = penalty * np.eye(len(self.square), dtype=np.float32)
        return np.linalg.solve(self.square + ridge, self.product)


class Linear:
    """Pixels of the target by ridge regression from those of the source, as uint8."""

    def __init__(self, moments: Moments, penalty: float) -> None:
        self.moments, self.solved = moments, moments.solved(penalty)

    def __call__(self, images: Array) -> Array:
        of = self.moments
        asked = _flat(images) / LEVELS - of.mean
        guesses = (asked @ of.known.T if of.dual else asked) @ self.solved + of.offset
        return np.clip(guesses.round(), 0, 255).astype(np.uint8).reshape(-1, *of.shape)


def _flat(images: Array) -> Array:
    return images.reshape(len(images), -1).astype(np.float32)
