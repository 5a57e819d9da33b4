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
    errors = {
        name: error_of(drawn, scale)
        for name, (drawn, scale) in drawn_values(measurements, draws).items()
    }
    return {name: error for name, error in errors.items() if error is not None}


def mean_measurement(name: str, each: Array) -> Measurement:
    """A metric that is the mean of a value of each unit (units,)."""
    return Measurement(len(each), lambda rows: {name: float(each[rows].mean())})


class Scores(dict[str, float]):
    """What baselines measured, by ``<model>_<metric>``, and how: on the same units as nets.

    ``measurements`` holds those of each model, so that a net is compared with it draw by draw.
    """

    def __init__(self) -> None:
        super().__init__()
        self.measurements: dict[str, tuple[Measurement, ...]] = {}

    def measure(self, model: str, *measurements: Measurement) -> None:
        """Add metrics of a model, with their values on all units."""
        self.measurements[model] = self.measurements.get(model, ()) + measurements
        self.update({f"{model}_{name}": value for name, value in values(measurements).items()})

    def include(self, other: "Scores", prefix: str = "") -> None:
        """Add everything of another, the names with a prefix."""
        self.update({prefix + name: value for name, value in other.items()})
        for model, measurements in other.measurements.items():
            known = self.measurements.get(prefix + model, ())
            self.measurements[prefix + model] = known + measurements

    def draws(self) -> dict[str, Array]:
        """The values (draws,) of every metric of every model, by ``<model>_<metric>``."""
        return {
            f"{model}_{name}": drawn
            for model, measurements in self.measurements.items()
            for name, (drawn, _) in drawn_values(measurements).items()
        }


def drawn_values(
    measurements: Sequence[Measurement], draws: int = DRAWS
) -> dict[str, tuple[Array, float]]:
    """Of every metric its values (draws,) on units drawn, and by what their deviation is scaled.

    Measurements with the same number of units and the same blocks are drawn alike: draw ``i`` of a
    net and draw ``i`` of a baseline hold the same rows, so their difference is a paired bootstrap.
    """
    found: dict[str, tuple[Array, float]] = {}
    for measurement in measurements:
        blocks = -(-measurement.units // measurement.block)
        if blocks < 2:
            continue
        rng = np.random.default_rng(0)
        drawn: dict[str, list[float]] = {}
        for _ in range(draws):
            for name, value in measurement.measure(_drawn(measurement, blocks, rng)).items():
                drawn.setdefault(name, []).append(value)
        scale = float(np.sqrt(blocks / (blocks - 1)))
        found |= {name: (np.array(v, np.float64), scale) for name, v in drawn.items()}
    return found


def error_of(drawn: Array, scale: float) -> float | None:
    """The standard error that draws show; None where nearly all of them are undefined.

    Of draws that are all alike it is 0, not the rounding of their sum.
    """
    known = drawn[np.isfinite(drawn)]
    if len(known) <= len(drawn) // 2:
        return None
    alike = np.ptp(known) <= EQUAL * np.abs(known).max()
    return 0.0 if alike else scale * float(known.std(ddof=1))


def _drawn(measurement: Measurement, blocks: int, rng: np.random.Generator) -> Array:
    """Numbers of units: as many as there are, by blocks that run on from the last to the first."""
    starts = rng.integers(0, measurement.units, (blocks, 1))
    rows = (starts + np.arange(measurement.block)) % measurement.units
    return rows.ravel()[: measurement.units]
