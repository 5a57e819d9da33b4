"""A classifier of images that knows its nearest neighbours among real ones."""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Share
from repertoire.contract import Array


def nearest(points: Array, among: Array, count: int) -> tuple[Array, Array]:
    """Euclidean distances and places, both (points, count), of the nearest in their order."""
    points, among = points.astype(np.float64), among.astype(np.float64)
    squares = (points**2).sum(1)[:, None] + (among**2).sum(1) - 2 * points @ among.T
    places = np.argsort(squares, axis=1, kind="stable")[:, :count]
    return np.sqrt(np.maximum(np.take_along_axis(squares, places, 1), 0)), places


@dataclass(frozen=True)
class Rules:
    """A picture is accepted as near as the share ``accepted`` of known ones are to the others.

    Besides, ``agreeing`` of its ``neighbours`` are of one class.
    """

    neighbours: Count
    agreeing: Count
    accepted: Share


class NeighbourClassifier:
    """Accepts what is near enough to ``known`` pictures, (pictures, pixels), that agree."""

    def __init__(self, known: Array, labels: Array, rules: Rules) -> None:
        self.known, self.labels, self.rules = known, labels, rules
        # The nearest of each is itself.
        others = nearest(known, known, 2)[0][:, 1]
        self.farthest = float(np.quantile(others, rules.accepted))

    def percent(self, pictures: Array) -> float:
        """Share of the pictures (pictures, pixels) that are accepted, in percent."""
        distances, places = nearest(pictures, self.known, self.rules.neighbours)
        named = self.labels[places]
        # Of each neighbour's label, how many neighbours have it.
        agreed = (named[:, :, None] == named[:, None]).sum(2).max(1) >= self.rules.agreeing
        return float(100 * np.mean(agreed & (distances[:, 0] <= self.farthest)))
