"""Captions without nets: the most frequent one, and that of the nearest known picture.

Nets are trained on scenes that are moved by some pixels, so the picture asked is moved, too, and
the nearest of all moves counts. Components and moves are chosen on validation, by exact match and
then BLEU of the highest order that is measured. The nearest picture is the usual baseline of
captions (Devlin et al. 2015); templates need a detector.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import product

import numpy as np

from repertoire.config import Count, Natural, Seed
from repertoire.contract import Array, Arrays, Data
from repertoire.kinds.captions.facts import Facts
from repertoire.kinds.captions.references import measured, references
from repertoire.measured import Baseline
from repertoire.metrics.bleu import caption_measurement, caption_metrics
from repertoire.metrics.uncertainty import Scores

LARGE, COMPARED = 64, 32  # pixels of a side: pictures that are larger are compared as so large
BASELINES = (
    Baseline("nearest_picture", "caption of the nearest picture"),
    Baseline("most_frequent_caption", "most frequent caption"),
)


@dataclass(frozen=True)
class Config:
    """Candidates: the principal components in which pictures are compared, and the moves.

    Fewer training images than components span fewer.

    A shift of 1 compares the picture asked moved by one pixel in each of the eight directions, too.
    """

    components: tuple[Count, ...]
    shifts: tuple[Natural, ...]
    seed: Seed


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Exact match and BLEU of each on the test split, in percent, and what validation chose."""
    splits = ("train", "valid", "test")
    known, judged, wanted = (references(data.texts(split)) for split in splits)
    pictures, choosing, asked = (_compared(data.arrays(split)) for split in splits)
    counts = Counter(text for row in known for text in row)
    most = max(counts.values())
    unit, left_out = measured(data.facts)
    first = min(text for text, count in counts.items() if count == most)

    def said(settings: tuple[int, int], seen: Array) -> list[str]:
        nearest = nearest_pictures(*settings, config.seed, pictures, seen)
        return [known[index][0] for index in nearest]

    def quality(settings: tuple[int, int]) -> tuple[float, float]:
        found = caption_metrics(said(settings, choosing), judged, unit, left_out)
        return found["exact_match_percent"], list(found.values())[-1]

    components, shift = max(product(config.components, config.shifts), key=quality)
    guesses = {
        "most_frequent_caption": [first] * len(wanted),
        "nearest_picture": said((components, shift), asked),
    }
    scores = Scores()
    for name, guess in guesses.items():
        scores.measure(name, caption_measurement(guess, wanted, unit, left_out))
    chosen = {"nearest_picture_components": components, "nearest_picture_shift": shift}
    scores.update({name: float(value) for name, value in chosen.items()})
    return scores


def _compared(arrays: Arrays) -> Array:
    """What is known of whole photographs, or else the pixels, of large pictures fewer."""
    if "pooled" in arrays:
        return arrays["pooled"]
    images = arrays["images"]
    step = images.shape[1] // COMPARED if images.shape[1] > LARGE else 1
    return images[:, ::step, ::step]


def nearest_pictures(components: int, shift: int, seed: int, known: Array, asked: Array) -> Array:
    """For each picture asked, the number of the known one at the least Euclidean distance.

    The distance from a picture is that from the nearest of its moves.
    """
    # Imported late: only this baseline needs it.
    from sklearn.decomposition import PCA

    flat = _flat(known)
    most = min(components, *flat.shape)
    principal = PCA(most, svd_solver="randomized", random_state=seed)
    first = principal.fit_transform(flat)
    lengths = (first**2).sum(1)
    best = np.full(len(asked), np.inf)
    found = np.zeros(len(asked), np.int64)
    for down, right in product(range(-shift, shift + 1), repeat=2):
        second = principal.transform(_flat(moved(asked, down, right)))
        distances = lengths - 2 * second @ first.T
        nearest = distances.argmin(1)
        least = distances[np.arange(len(asked)), nearest] + (second**2).sum(1)
        found, best = np.where(least < best, nearest, found), np.minimum(least, best)
    return found


def _flat(pictures: Array) -> Array:
    return pictures.reshape(len(pictures), -1).astype(np.float32)


def moved(pictures: Array, down: int, right: int) -> Array:
    """Pictures (rows, height, width, …) moved by some pixels and filled with 0."""
    if not (down or right):
        return pictures
    height, width = pictures.shape[1:3]
    room = max(abs(down), abs(right))
    colours = ((0, 0),) * (pictures.ndim - 3)
    padded = np.pad(pictures, ((0, 0), (room, room), (room, room), *colours))
    return padded[:, room - down : room - down + height, room - right : room - right + width]
