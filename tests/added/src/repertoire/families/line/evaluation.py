"""How far the line misses."""

import numpy as np
from repertoire.families.line.config import Config
from repertoire.kinds.springs.metrics import length_measurement

from repertoire.contract import Arrays, Data, Figure, Kind, Line, Measurement, Run


def evaluate(run: Run, config: Config, data: Data, split: str) -> tuple[Measurement, ...]:
    """Lengths against those measured."""
    arrays = data.arrays(split)
    told = run("stretch", load=arrays["load"])["length"]
    return (length_measurement(told, arrays["length"]),)


def illustrate(run: Run, config: Config, data: Data, snapshots: Arrays) -> tuple[Figure, ...]:
    """The line itself."""
    load = np.linspace(0, 1, 5, dtype=np.float32)
    length = run("stretch", load=load)["length"]
    line = Line("net", load.tolist(), length.tolist())
    caption = "Length of a spring by its load, as the net has it."
    return (Figure("law", Kind.LINES, caption, columns=("load, N", "length, mm"), lines=[line]),)


def snapshot(run: Run, config: Config, data: Data) -> Arrays:
    """The length without a load."""
    return {"rest": run("stretch", load=np.zeros(1, np.float32))["length"]}
