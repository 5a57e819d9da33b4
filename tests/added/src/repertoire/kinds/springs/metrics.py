"""How far off lengths are."""

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

METRICS = (
    Metric("worst_of_{n:d}_millimetres", "Worst of {n} lengths", "mm", "lower"),
    Metric("miss_millimetres", "Mean miss of a length", "mm", "lower"),
)


def length_measurement(told: Array, lengths: Array) -> Measurement:
    """The mean absolute error in mm, and the largest one of those drawn."""
    miss = np.abs(told - lengths).astype(np.float64)

    def measure(rows: Array) -> dict[str, float]:
        worst = {f"worst_of_{len(miss)}_millimetres": float(miss[rows].max())}
        return {"miss_millimetres": float(miss[rows].mean()), **worst}

    return Measurement(len(miss), measure)
