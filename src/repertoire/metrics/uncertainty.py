"""What was measured on a sample of units, and how far chance moves it: standard errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

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
    drawn = drawn_values(measurements, draws)
    return {name: each.error for name, each in drawn.items() if each.error is not None}


def mean_measurement(name: str, each: Array) -> Measurement:
    """A metric that is the mean of a value of each unit (units,)."""
    return Measurement(len(each), lambda rows: {name: float(each[rows].mean())})


class Scores(dict[str, float | str]):
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

    def include(self, other: "Scores") -> None:
        """Add everything of another."""
        self.update(other)
        for model, measurements in other.measurements.items():
            self.measurements[model] = self.measurements.get(model, ()) + measurements

    def draws(self) -> dict[str, "Drawn"]:
        """Of every metric of every model the values on units drawn, by ``<model>_<metric>``."""
        return {
            f"{model}_{name}": drawn
            for model, measurements in self.measurements.items()
            for name, drawn in drawn_values(measurements).items()
        }


@dataclass(frozen=True)
class Drawn:
    """A metric's ``values`` (draws,) on units drawn in blocks of ``block``.

    Where ``units`` and ``block`` are the same, units are drawn alike: draw ``i`` of a net and draw
    ``i`` of a baseline hold the same rows, so their difference is a paired bootstrap.
    """

    values: Array
    units: int
    block: int

    @property
    def error(self) -> float | None:
        """The standard error; None where nearly all draws are undefined.

        Of draws that are all alike it is 0, not the rounding of their sum.
        """
        known = self.values[np.isfinite(self.values)]
        if len(known) <= len(self.values) // 2:
            return None
        blocks = -(-self.units // self.block)
        alike = np.ptp(known) <= EQUAL * np.abs(known).max()
        return 0.0 if alike else float(np.sqrt(blocks / (blocks - 1)) * known.std(ddof=1))

    def minus(self, other: "Drawn | None") -> "Drawn | None":
        """The differences draw by draw; None where the two were not drawn alike."""
        alike = other and (other.units, other.block, len(other.values)) == (
            self.units,
            self.block,
            len(self.values),
        )
        return replace(self, values=self.values - other.values) if other and alike else None


def drawn_values(measurements: Sequence[Measurement], draws: int = DRAWS) -> dict[str, Drawn]:
    """Of every metric of two blocks or more its values on units drawn."""
    found: dict[str, Drawn] = {}
    for measurement in measurements:
        blocks = -(-measurement.units // measurement.block)
        if blocks < 2:
            continue
        rng = np.random.default_rng(0)
        drawn: dict[str, list[float]] = {}
        for _ in range(draws):
            for name, value in measurement.measure(_drawn(measurement, blocks, rng)).items():
                drawn.setdefault(name, []).append(value)
        found |= {
            name: Drawn(np.array(v, np.float64), measurement.units, measurement.block)
            for name, v in drawn.items()
        }
    return found


OF = " of"  # ends the name of the array that holds units and block; metadata has no fixed order


def write_draws(path: Path, draws: Mapping[str, Drawn]) -> None:
    """All draws in one file: of each the values, and its units and block."""
    sizes = {name + OF: np.array([each.units, each.block]) for name, each in draws.items()}
    path.write_bytes(save({name: each.values for name, each in draws.items()} | sizes))


def read_draws(path: Path) -> dict[str, Drawn]:
    """The inverse of ``write_draws``."""
    arrays = load(path.read_bytes())
    return {
        name: Drawn(arrays[name], *arrays[name + OF].tolist())
        for name in arrays
        if not name.endswith(OF)
    }


def _drawn(measurement: Measurement, blocks: int, rng: np.random.Generator) -> Array:
    """Numbers of units: as many as there are, by blocks that run on from the last to the first."""
    starts = rng.integers(0, measurement.units, (blocks, 1))
    rows = (starts + np.arange(measurement.block)) % measurement.units
    return rows.ravel()[: measurement.units]
