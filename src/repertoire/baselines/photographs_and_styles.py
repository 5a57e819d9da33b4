"""Style without a net that is trained for it: none, its colours alone, or optimisation.

A net paints in one pass, so its gate names the better of those that need no more: the photograph
as it is, or with the means and deviations of the style's colours (Reinhard et al. 2001). Optimising
each picture by itself (Gatys et al. 2016) has the lower loss by far and a budget hundreds of times
as large. It is a scale: its rows say how many iterations a net is worth.
"""

from dataclasses import dataclass

import numpy as np

from repertoire.config import Count
from repertoire.contract import Array, Data
from repertoire.metrics.colours import with_colours_of
from repertoire.nn.measure import Measure

NAMES = (  # patterns of the metrics that a gate may name
    r"(photograph|colours|optimised_\d+)_\w+_perceptual_loss",
)


@dataclass(frozen=True)
class Config:
    """``iterations``: after how many of them optimisation is looked at."""

    iterations: tuple[Count, ...]
    threads: Count


def baselines(config: Config, data: Data) -> dict[str, float]:
    """Perceptual loss on the test photographs, for each style."""
    photographs = data.arrays("test")["images"]
    found: dict[str, float] = {}
    for name, style in data.arrays("styles").items():
        coloured = np.stack([with_colours_of(each, style) for each in photographs])
        for what, pictures in (("photograph", photographs), ("colours", coloured)):
            losses = _judged(config, data, style, pictures, photographs)
            found[f"{what}_{name}_perceptual_loss"] = float(losses.mean())
        weights = np.array([1.0, data.facts["measure"]["style_weight"]])
        course = (data.arrays("optimised")[f"{name}_losses"] @ weights).mean(1)
        for count in config.iterations:
            found[f"optimised_{count}_{name}_perceptual_loss"] = float(course[count])
    return found


def _judged(config: Config, data: Data, style: Array, pictures: Array, photographs: Array) -> Array:
    """The loss of each picture (rows,)."""
    import torch

    from repertoire.nn.perceptual import Judge, scaled

    torch.set_num_threads(config.threads)
    judge = Judge(data.facts["widths"], Measure.of(data.facts["measure"]))
    judge.learn(data.arrays("judge"), scaled(torch.from_numpy(style)[None]))
    with torch.no_grad():
        given, wanted = (scaled(torch.from_numpy(each)) for each in (pictures, photographs))
        return judge.loss(*judge(given, judge.content(wanted))).numpy()
