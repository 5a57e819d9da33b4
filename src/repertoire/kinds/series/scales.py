"""Series in the scale they are modelled on, and the rolling origins they are judged by."""

import numpy as np

from repertoire.contract import Array

# Scale of a model: itself, square root (steadier spread of counts), logarithm (prices, whose
# changes are then log returns).
SCALES = ("linear", "root", "log")


def scaled(values: Array, scale: str) -> Array:
    """Values (any shape, in units of the series) on the scale that models work on."""
    values = np.asarray(values, np.float64)
    if scale == "root":
        return np.sqrt(values)
    return np.log(values) if scale == "log" else values


def unscaled(values: Array, scale: str) -> Array:
    """The inverse of ``scaled``; a root below zero comes back as zero."""
    if scale == "root":
        return np.square(np.maximum(values, 0))
    return np.exp(values) if scale == "log" else values


def origins(first: int, end: int, horizon: int) -> Array:
    """Every origin whose ``horizon`` next values lie in values[first:end]: (origins,).

    An origin is the index of the last value known; its first target is the one after it.
    """
    return np.arange(first - 1, end - horizon, dtype=np.int64)


def futures(values: Array, at: Array, horizon: int) -> Array:
    """The values after each origin: (origins, horizon)."""
    return values[at[:, None] + np.arange(1, horizon + 1)]


def pasts(values: Array, at: Array, length: int) -> Array:
    """The values up to each origin and with it: (origins, length)."""
    return values[at[:, None] + np.arange(1 - length, 1)]


def seasonal_change(train: Array, season: int) -> float:
    """Mean absolute change over a season: the scale of MASE (Hyndman and Koehler 2006)."""
    return float(np.abs(train[season:] - train[:-season]).mean())
