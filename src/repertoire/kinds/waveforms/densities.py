"""Densities of what a linear forecast leaves over, integrated over the level's interval.

A net is scored by the probability of a level, so a density is, too: the probability of a level is
the integral of the density over its interval; the outermost intervals are open.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from repertoire.contract import Array
from repertoire.runtime.companding import LEVELS, MIDDLES, edges, encoded

FAMILIES = ("gaussian", "laplace", "student")
FLOORS = (1e-6, 1e-5, 1e-4, 1e-3)  # shares of an even spread over all levels
SEEN = 0.5  # how often each level counts as seen and as expected before any was
SAMPLES = 8192  # that a density is fitted to, evenly spaced in time
STEPS = 250  # of the simplex search
CHUNK = 8192  # samples whose distributions are in memory at a time
TINY = 1e-12
EDGES = np.concatenate(([-np.inf], edges()[1:-1], [np.inf]))
WIDTHS = np.diff(edges())


@dataclass(frozen=True)
class Forecast:
    """Before each sample: the ``point`` forecast and the ``recent`` mean squared error, (time,)."""

    point: Array
    recent: Array

    def part(self, rows: Array | slice) -> "Forecast":
        return Forecast(self.point[rows], self.recent[rows])


@dataclass(frozen=True)
class Density:
    """A density around the forecast, whose spread may change from sample to sample.

    The squared spread is ``still + moved * recent + coarse * width^2``: a constant, the recent mean
    squared error (Engle 1982 has such a variance), and the width of the level's interval at the
    forecast, because the past is known to within its intervals alone. ``freedom`` is that of
    Student's t. ``weights`` (levels,) multiply the probabilities, which are then normalised: how
    much more often a level is seen than the density expects, for a recorder may never write some.
    ``floor`` is the share of an even spread over all levels.
    """

    family: str
    still: float
    moved: float
    coarse: float
    freedom: float
    weights: Array | None = None
    floor: float = 0.0

    def spread(self, forecast: Forecast) -> Array:
        """(time,), 1 being full scale."""
        width = WIDTHS[encoded(forecast.point)]
        return np.sqrt(self.still + self.moved * forecast.recent + self.coarse * width**2)

    def masses(self, forecast: Forecast, levels: Array) -> Array:
        """The density's integral over the interval of one level each, without weights and floor."""
        shape, spread = cumulative(self.family, self.freedom), self.spread(forecast)
        places = levels.astype(np.int64)  # as uint8 the level after the last would be the first
        low, high = ((EDGES[places + n] - forecast.point) / spread for n in (0, 1))
        return between(shape, low, high)

    def probabilities(self, forecast: Forecast) -> Array:
        """The distribution over all levels: (time, levels); rows sum to one."""
        spread = self.spread(forecast)[:, None]
        standard = (EDGES - forecast.point[:, None]) / spread
        shape = cumulative(self.family, self.freedom)
        found = between(shape, standard[:, :-1], standard[:, 1:])
        if self.weights is not None:
            found = found * self.weights
        found = np.maximum(found, 0) / np.maximum(found.sum(1, keepdims=True), TINY)
        return (1 - self.floor) * found + self.floor / LEVELS

    def scored(self, forecast: Forecast, levels: Array) -> tuple[Array, Array]:
        """Log-probability of each level in nats, and the mean of each distribution: (time,)."""
        chances, means = [], []
        for start in range(0, len(levels), CHUNK):
            rows = slice(start, start + CHUNK)
            found = self.probabilities(forecast.part(rows))
            chances.append(found[np.arange(len(found)), levels[rows]])
            means.append(found @ MIDDLES)
        return np.log(np.maximum(np.concatenate(chances), TINY)), np.concatenate(means)

    def nats(self, forecast: Forecast, levels: Array) -> float:
        """Mean negative log-probability, without weights and floor."""
        return -float(np.log(np.maximum(self.masses(forecast, levels), TINY)).mean())

    def weighted(self, forecast: Forecast, levels: Array) -> "Density":
        """With the weights that make levels as frequent as they are in these samples."""
        expected = np.full(LEVELS, SEEN)
        for start in range(0, len(levels), CHUNK):
            expected += self.probabilities(forecast.part(slice(start, start + CHUNK))).sum(0)
        seen = np.bincount(levels, minlength=LEVELS) + SEEN
        return replace(self, weights=seen / expected)


def between(shape: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """The integral from ``low`` to ``high`` of a symmetric density: differences of small numbers.

    In the upper half the tail above is taken, as 1 - F would lose its digits.
    """
    flipped = low > 0
    below, above = np.where(flipped, -high, low), np.where(flipped, -low, high)
    return shape(above) - shape(below)


def cumulative(family: str, freedom: float) -> Callable[[Array], Array]:
    """The distribution function of a standard density, symmetric about 0."""
    from scipy.special import ndtr, stdtr

    if family == "gaussian":
        return ndtr
    if family == "laplace":
        return lambda z: np.where(z < 0, 0.5, -0.5) * np.exp(-np.abs(z)) + (z >= 0)
    return lambda z: stdtr(freedom, z)


def fitted(
    family: str,
    forecast: Forecast,
    levels: Array,
    *,
    adaptive: bool,
    start: Density | None = None,
) -> Density:
    """The density of the greatest likelihood for evenly spaced samples, by a simplex search.

    Without ``adaptive`` the spread stays as it is. ``start`` is where the search begins.
    """
    from scipy.optimize import minimize

    rows = np.linspace(0, len(levels) - 1, min(len(levels), SAMPLES)).astype(int)
    forecast, levels = forecast.part(rows), levels[rows]
    usual = float(np.median((MIDDLES[levels] - forecast.point) ** 2)) + TINY

    def density(x: Array) -> Density:
        sizes = np.exp(np.clip(x, -20, 20))
        still, freedom = usual * sizes[0], min(0.5 + sizes[1], 200.0)
        moved, coarse = (sizes[2], sizes[3]) if adaptive else (0.0, 0.0)
        return Density(family, float(still), float(moved), float(coarse), float(freedom))

    def loss(x: Array) -> float:
        return -float(np.log(np.maximum(density(x).masses(forecast, levels), TINY)).mean())

    first = [0.0, 1.5, -1.0, -1.0]
    if start is not None:
        known = (start.still / usual, start.freedom - 0.5, start.moved, start.coarse)
        first = [float(np.log(max(each, TINY))) for each in known]
    options = {"maxfev": STEPS, "xatol": 1e-2, "fatol": 1e-5}
    found = minimize(loss, first if adaptive else first[:2], method="Nelder-Mead", options=options)
    return density(found.x)
