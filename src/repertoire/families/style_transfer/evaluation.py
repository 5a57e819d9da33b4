"""Perceptual loss, the iterations of optimisation that it is worth, and pictures; numpy alone."""

import numpy as np

from repertoire.contract import Array, Arrays, Data, Figure, Kind, Line, Measurement, Run
from repertoire.families.style_transfer.config import Config
from repertoire.kinds.styles.facts import Facts
from repertoire.kinds.styles.metrics import matched_iterations
from repertoire.metrics.pictures import thinned
from repertoire.runtime.inference.rows import over_rows


def stylized(run: Run, config: Config, photographs: Array) -> Array:
    """uint8 (rows, side, side, 3), each photograph in the style."""
    return over_rows(run, "stylize", config.chunk, images=photographs)["pictures"]


def judged(run: Run, config: Config, pictures: Array, photographs: Array) -> Array:
    """Content and style loss of each picture: (rows, 2)."""
    given = {"pictures": pictures, "images": photographs}
    found = over_rows(run, "loss_network", config.chunk, **given)
    return np.stack((found["content"], found["style"]), 1).astype(float)


def weighed(data: Data[Facts], losses: Array) -> Array:
    """Content and style (..., 2) -> the perceptual loss (...)."""
    return losses[..., 0] + data.facts["measure"]["style_weight"] * losses[..., 1]


def courses(config: Config, data: Data[Facts]) -> Array:
    """Loss of each test photograph after 0, 1, … iterations of optimisation: (rows, iterations)."""
    return weighed(data, data.arrays("optimised")[f"{config.style}_losses"].astype(float)).T


def matched(config: Config, data: Data[Facts], losses: Array) -> list[int]:
    """Iterations of optimisation that reach the loss of each test photograph, or a lower bound."""
    pairs = zip(courses(config, data), losses, strict=True)
    return [matched_iterations(course, loss) for course, loss in pairs]


def evaluate(run: Run, config: Config, data: Data[Facts], split: str) -> tuple[Measurement, ...]:
    """Means over the photographs of the split, which are the unit.

    ``matched_iterations`` is for the test split, whose photographs were optimised in `prepare`; it
    is a lower bound where optimisation stays worse to its end.
    """
    photographs = data.arrays(split)["images"]
    losses = judged(run, config, stylized(run, config, photographs), photographs)
    both = weighed(data, losses)
    found = {"perceptual_loss": both, "content_loss": losses[:, 0], "style_loss": losses[:, 1]}
    if split == "test":
        found["matched_iterations"] = np.array(matched(config, data, both))

    def measure(rows: Array) -> dict[str, float]:
        return {name: float(values[rows].mean()) for name, values in found.items()}

    return (Measurement(len(photographs), measure),)


def snapshot(run: Run, config: Config, data: Data[Facts]) -> Arrays:
    """The first validation photographs after every epoch."""
    photographs = data.arrays("valid")["images"][: config.examples]
    return {"pictures": stylized(run, config, photographs)}


def illustrate(
    run: Run, config: Config, data: Data[Facts], snapshots: Arrays
) -> tuple[Figure, ...]:
    """The style, test photographs in it, what optimisation makes of them, and both losses."""
    photographs = data.arrays("test")["images"]
    pictures = stylized(run, config, photographs)
    losses = judged(run, config, pictures, photographs)
    shown = slice(config.examples)
    slow = data.arrays("optimised")[f"{config.style}_pictures"]
    last = courses(config, data).shape[1] - 1
    count = len(photographs[shown])
    return (
        _style(config, data),
        Figure(
            "stylized",
            Kind.IMAGES,
            f"The first {count} test photographs, in the order of the data: as they are, by the "
            f"net in one pass, and by {last} iterations of optimisation.",
            images=np.stack((photographs[shown], pictures[shown], slow[shown])),
        ),
        _course(config, data, weighed(data, losses)),
        _table(config, data, losses),
        Figure(
            "while-training",
            Kind.IMAGES,
            f"The first {snapshots['pictures'].shape[1]} validation photographs after each epoch "
            "shown, from top to bottom.",
            images=thinned(snapshots["pictures"]),
        ),
    )


def _style(config: Config, data: Data[Facts]) -> Figure:
    whole = data.arrays("styles")[config.style]
    side = min(whole.shape[:2])
    top, left = ((size - side) // 2 for size in whole.shape[:2])
    return Figure(
        "style",
        Kind.IMAGES,
        f"The picture whose style is learned ({config.style.replace('_', ' ')}): the square in "
        "its middle, at the size at which it is judged.",
        images=whole[None, None, top : top + side, left : left + side],
    )


def _course(config: Config, data: Data[Facts], losses: Array) -> Figure:
    means = courses(config, data).mean(0)
    ends = [0, len(means) - 1]
    return Figure(
        "optimisation",
        Kind.LINES,
        f"Perceptual loss, a mean over the {len(losses)} test photographs: of optimisation after "
        "each iteration, from the photograph on, and of the net, which needs none.",
        columns=("iterations of optimisation", "perceptual loss"),
        lines=(
            Line("optimisation", range(len(means)), means.tolist()),
            Line("the net", ends, [float(losses.mean())] * 2),
        ),
        logarithmic="y",
    )


def _table(config: Config, data: Data[Facts], losses: Array) -> Figure:
    both = weighed(data, losses)
    last = courses(config, data).shape[1] - 1
    rows = zip(losses, both, matched(config, data, both), strict=True)
    return Figure(
        "losses",
        Kind.TABLE,
        "The net's losses on each test photograph, in the order of the data, and the iterations "
        f"of optimisation that reach as little (≥ where {last} do not).",
        columns=("photograph", "content", "style", "both", "iterations"),
        cells=[
            (str(n), f"{c:.3f}", f"{s:.4f}", f"{whole:.3f}", f"{'≥ ' * (k == last)}{k}")
            for n, ((c, s), whole, k) in enumerate(rows, 1)
        ],
    )
