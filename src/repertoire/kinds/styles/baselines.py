"""Style without a net that is trained for it: none, colours, a superposition, or optimisation.

The gate is the strongest that takes no more than one pass: the picture of the style laid over the
photograph, which no one would take for a painting and which shows what the loss alone is worth. Its
share is chosen on validation photographs. Rows of optimisation are a scale: each iteration takes a
pass through the judging net and back, so they have another budget, and they are what the loss is
made for (Gatys et al. 2016). Faster nets are the family's own kind.
"""

from dataclasses import dataclass

import numpy as np

from repertoire.config import ConfigError, Count, Share
from repertoire.contract import Array, Data, Measurement
from repertoire.data.image_files import middle, with_shorter_side
from repertoire.kinds.styles.colours import with_colours_of
from repertoire.kinds.styles.facts import Facts
from repertoire.measured import Baseline
from repertoire.metrics.uncertainty import Scores
from repertoire.nn.measure import Measure

BASELINES = (
    Baseline("photograph_{style}", "photograph as it is"),
    Baseline("colours_{style}", "colours of the style"),
    Baseline("blend_{style}", "style laid over the photograph"),
    Baseline("optimised_{n:d}_{style}", "{n} iterations of optimisation", "scale"),
)


@dataclass(frozen=True)
class Config:
    """``iterations``: after how many of them optimisation is looked at.

    ``shares`` of the style's picture when it is laid over a photograph; validation chooses one.
    """

    iterations: tuple[Count, ...]
    shares: tuple[Share, ...]
    threads: Count


def baselines(config: Config, data: Data[Facts]) -> Scores:
    """Perceptual loss on the test photographs, for each style."""
    known, photographs = (data.arrays(split)["images"] for split in ("valid", "test"))
    found = Scores()
    for name, style in data.arrays("styles").items():
        coloured = np.stack([with_colours_of(each, style) for each in photographs])
        errors = [
            _judged(config, data, style, blended(known, style, share), known).mean()
            for share in config.shares
        ]
        share = config.shares[int(np.argmin(errors))]
        rivals = {
            "photograph": photographs,
            "colours": coloured,
            "blend": blended(photographs, style, share),
        }
        for what, pictures in rivals.items():
            losses = _judged(config, data, style, pictures, photographs)
            found.measure(f"{what}_{name}", _measurement(losses))
        found[f"blend_{name}_share"] = share
        weights = np.array([1.0, data.facts["measure"]["style_weight"]])
        course = data.arrays("optimised")[f"{name}_losses"] @ weights
        for count in config.iterations:
            if count >= len(course):
                raise ConfigError(
                    f"baseline.iterations: {count} is more than the {len(course) - 1} for which "
                    "the test photographs are optimised; take fewer"
                )
            found.measure(f"optimised_{count}_{name}", _measurement(course[count]))
    return found


def _measurement(losses: Array) -> Measurement:
    """The mean loss of pictures."""
    return Measurement(len(losses), lambda rows: {"perceptual_loss": float(losses[rows].mean())})


def blended(photographs: Array, style: Array, share: float) -> Array:
    """uint8 (rows, side, side, 3): photographs under the middle of the style, made as large."""
    side = photographs.shape[1]
    whole = with_shorter_side(style, side)
    picture = middle(whole, side)
    return (photographs * (1 - share) + picture * share).round().astype(np.uint8)


def _judged(
    config: Config, data: Data[Facts], style: Array, pictures: Array, photographs: Array
) -> Array:
    """The loss of each picture (rows,)."""
    import torch

    from repertoire.nn.perceptual import PerceptualLoss, scaled

    torch.set_num_threads(config.threads)
    loss_network = PerceptualLoss(data.facts["widths"], Measure.of(data.facts["measure"]))
    loss_network.learn(data.arrays("loss_network"), scaled(torch.from_numpy(style)[None]))
    with torch.no_grad():
        given, wanted = (scaled(torch.from_numpy(each)) for each in (pictures, photographs))
        return loss_network.loss(*loss_network(given, loss_network.content(wanted))).numpy()
