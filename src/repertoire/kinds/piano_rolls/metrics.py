"""How well frames of notes are predicted, by the piece that was drawn."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array, Arrays, Measurement
from repertoire.measured import Metric

METRICS = (
    Metric("nats_per_frame", "Negative log-likelihood", "nats per frame", "lower"),
    Metric("frame_accuracy_percent", "Frame accuracy", "%", "higher"),
)


def frame_measurement(
    arrays: Arrays, nats: Sequence[Array], guessed: Sequence[Array] | None = None
) -> Measurement:
    """Nats per frame of whole pieces, and the accuracy of the notes ``guessed`` if there are any.

    For each row of ``arrays`` the nats (frames,) and the notes (frames, notes), 0 or 1. The frame
    accuracy is hits a hit, miss and false alarm over all frames and notes (Bay et al. 2009,
    equation 5); silence that is rightly predicted counts for nothing.
    """
    units = piece_units(arrays)
    sums = np.bincount(units, [row.astype(np.float64).sum() for row in nats])
    frames = np.bincount(units, arrays["lengths"])
    counts: list[Array] = []
    if guessed is not None:
        played = [r[:n] == 1 for r, n in zip(arrays["rolls"], arrays["lengths"], strict=True)]
        counts = [
            np.bincount(units, [f(g, p).sum() for g, p in zip(guessed, played, strict=True)])
            for f in (np.logical_and, np.logical_or)
        ]

    def measure(rows: Array) -> dict[str, float]:
        found = {"nats_per_frame": float(sums[rows].sum() / frames[rows].sum())}
        if counts:
            hits, either = (float(each[rows].sum()) for each in counts)
            found["frame_accuracy_percent"] = 100 * hits / max(1.0, either)
        return found

    return Measurement(len(sums), measure)


def piece_units(arrays: Arrays) -> Array:
    """The number of the piece that each row is of; rows of a single piece count by themselves."""
    rows = np.arange(len(arrays["lengths"]))
    numbers = np.unique(arrays.get("pieces", rows), return_inverse=True)[1]
    return numbers if numbers.max(initial=0) else rows
