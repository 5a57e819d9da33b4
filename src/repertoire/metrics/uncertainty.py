"""What was measured on a sample of units, and how far chance moves it: standard errors."""

from collections.abc import Sequence

import numpy as np

from repertoire.contract import Array, Measurement

EQUAL = 1e-12  # share of the largest value by which draws that are alike may differ
DRAWS = 200  # the standard error itself is known to about 5 %, 1 / (2 * draws)^½


def values(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Every metric, measured on all units."""
    found: dict[str, float] = {}
    for measurement in measurements:
        found |= measurement.measure(np.arange(measurement.units))
    return found


def standard_errors(measurements: Sequence[Measurement], draws: int = DRAWS) -> dict[str, float]:
    """The standard error of every metric by the bootstrap, in the metric's unit.

    Units are drawn with replacement as often as there are (Efron 1979); neighbours that depend on
    each other are drawn in circular blocks (Politis and Romano 1992). The deviation of the draws is
    scaled by (blocks / (blocks - 1))^½, so that for a mean it is s / n^½. A metric of fewer than
    two blocks, or one that is undefined in nearly all draws, has no standard error and is left out.
    """
    found: dict[str, float] = {}
    for measurement in measurements:
        found |= _bootstrapped(measurement, draws)
    return found


def _bootstrapped(measurement: Measurement, draws: int) -> dict[str, float]:
    blocks = -(-measurement.units // measurement.block)
    if blocks < 2:
        return {}
    rng = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {}
    for _ in range(draws):
        for name, value in measurement.measure(_drawn(measurement, blocks, rng)).items():
            drawn.setdefault(name, []).append(value)
    scale = np.sqrt(blocks / (blocks - 1))
    known = {name: np.array(v)[np.isfinite(v)] for name, v in drawn.items()}
    return {name: scale * _deviation(v) for name, v in known.items() if len(v) > draws // 2}


def _deviation(drawn: Array) -> float:
    """Of draws that are all alike it is 0, not the rounding of their sum."""
    return float(drawn.std(ddof=1)) if np.ptp(drawn) > EQUAL * np.abs(drawn).max() else 0.0


def _drawn(measurement: Measurement, blocks: int, rng: np.random.Generator) -> Array:
    """Numbers of units: as many as there are, by blocks that run on from the last to the first."""
    starts = rng.integers(0, measurement.units, (blocks, 1))
    rows = (starts + np.arange(measurement.block)) % measurement.units
    return rows.ravel()[: measurement.units]
