"""How well the points of a pen are predicted, by the row that was drawn: a word or a drawing."""

from collections.abc import Mapping

import numpy as np

from repertoire.contract import Array, Measurement
from repertoire.measured import Metric

METRICS = (
    Metric("nats_per_point", "Negative log-density", "nats per point", "lower"),
    Metric("end_of_stroke_accuracy_percent", "Pen-state accuracy", "%", "higher"),
)


def point_measurement(sums: Mapping[str, Array], lengths: Array) -> Measurement:
    """Metrics a point, of their ``sums`` (rows,) over the points of each row."""
    points = lengths.astype(np.float64)

    def measure(rows: Array) -> dict[str, float]:
        return {name: float(each[rows].sum() / points[rows].sum()) for name, each in sums.items()}

    return Measurement(len(points), measure)
