"""Photographs, paintings and the loss network of both, as arrays."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from repertoire.config import Count, Natural
from repertoire.contract import Array, Arrays
from repertoire.data.dataset import SPLITS, Encoded
from repertoire.data.image_files import middle, with_shorter_side
from repertoire.data.validation import Expectation, expect
from repertoire.nn.measure import Measure

LOSS_NETWORK = "VGG-16 with ImageNet weights, not trained further"


@dataclass(frozen=True)
class Optimisation:
    """What the test photographs are optimised for, how often; ``threads`` decide last digits."""

    measure: Measure
    iterations: Natural
    threads: Count


def size_expectations(side: int) -> list[Expectation]:
    """The columns ``height`` and ``width`` of an image are ``side`` or more."""
    return [
        expect(
            f"the {name} of a picture is {side} pixels or more",
            "ExpectColumnValuesToBeBetween",
            column=name,
            min_value=side,
        )
        for name in ("height", "width")
    ]


def square(pixels: Array, side: int) -> Array:
    """The square in the middle of a picture, made ``side`` pixels large."""
    return middle(with_shorter_side(pixels, side), side)


def likeness(pixels: Array) -> str:
    """Equal for a picture and its copy of another size: light or dark, on a grid of 8 x 8."""
    grey = with_shorter_side(pixels, 64).astype(float).mean(2)
    rows, columns = (np.linspace(0, size, 9).astype(int)[:-1] for size in grey.shape)
    cells = np.add.reduceat(np.add.reduceat(grey, rows, 0), columns, 1)
    return hashlib.sha256(np.packbits(cells > np.median(cells)).tobytes()).hexdigest()[:16]


def encode_styles(
    images: Mapping[str, Array],
    styles: Arrays,
    loss_network: tuple[Arrays, list[int]],
    optimisation: Optimisation,
) -> Encoded:
    """uint8 ``images`` (rows, side, side, 3) a split; ``styles`` by name, of any size; the weights
    of the ``loss_network``; and ``optimised``: by style the losses float32 (iterations + 1, rows,
    2) and the last pictures uint8 (rows, side, side, 3) of the test photographs.

    ``loss_network`` is its weights by name, and the widths before and after its convolutions.
    """
    weights, widths = loss_network
    arrays: dict[str, Arrays] = {split: {"images": images[split]} for split in SPLITS}
    arrays["styles"] = styles
    arrays["loss_network"] = weights
    arrays["optimised"] = _optimised(optimisation, arrays, widths)
    measure = optimisation.measure
    facts = {
        "side": images["train"].shape[1],
        "styles": list(styles),
        "photographs": {split: len(images[split]) for split in SPLITS},
        "measure": asdict(measure) | {"style": list(measure.style)},
        "widths": widths,
        "loss_network": LOSS_NETWORK,
    }
    shape = ["height", "width", 3]
    pictures = {"kind": "image", "dtype": "uint8", "range": [0, 255], "shape": shape}
    return Encoded(arrays, facts, {"images": pictures})


def _optimised(config: Optimisation, arrays: dict[str, Arrays], widths: list[int]) -> Arrays:
    import torch

    from repertoire.nn.perceptual import PerceptualLoss, optimised, pixels, scaled

    torch.set_num_threads(config.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found: Arrays = {}
    for name, style in arrays["styles"].items():
        loss_network = PerceptualLoss(widths, config.measure)
        loss_network.learn(arrays["loss_network"], scaled(torch.from_numpy(style)[None])).to(device)
        losses, pictures = [], []
        for image in arrays["test"]["images"]:
            photograph = scaled(torch.from_numpy(image)[None]).to(device)
            stages = list(optimised(loss_network, photograph, config.iterations))
            losses.append([(stage.content, stage.style) for stage in stages])
            pictures.append(pixels(stages[-1].picture)[0].cpu().numpy())
        found[f"{name}_losses"] = np.array(losses, np.float32).swapaxes(0, 1)
        found[f"{name}_pictures"] = np.stack(pictures)
    return found
