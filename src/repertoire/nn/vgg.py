"""The convolutions of VGG-16 (Simonyan and Zisserman 2015, table 1, column D), up to some depth."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCKS = (2, 2, 3, 3, 3)  # convolutions before each pooling
NAMES = tuple(f"{block}_{n}" for block, count in enumerate(BLOCKS, 1) for n in range(1, count + 1))
# What the published weights were trained on, by channel (red, green, blue) of values in [0, 1].
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def depth(layers: Sequence[str]) -> int:
    """How many convolutions lead to the deepest of ``layers``, which are called "relu2_2"."""
    return max(NAMES.index(layer.removeprefix("relu")) for layer in layers) + 1


class Vgg(nn.Module):
    """Photographs -> the rectified features of some layers; its weights are given, never learned.

    ``widths``: channels of the photograph and then of each convolution, as many as ``layers`` need.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, widths: Sequence[int], layers: Sequence[str]) -> None:
        super().__init__()
        self.names, self.layers = NAMES[: depth(layers)], tuple(layers)
        pairs = pairwise(widths)
        self.convolutions = nn.ModuleDict(
            {
                f"conv{name}": nn.Conv2d(before, after, 3, padding=1)
                for name, (before, after) in zip(self.names, pairs, strict=True)
            }
        )
        for name, value in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(value).view(-1, 1, 1), persistent=False)
        self.requires_grad_(False)

    def forward(self, photographs: Tensor) -> dict[str, Tensor]:
        """(batch, 3, height, width) in [0, 1] -> by layer (batch, channels, height, width) / 2^k.

        Pooling rounds sizes up, so that no picture is too small.
        """
        seen = (photographs - self.mean) / self.deviation
        found = {}
        for name in self.names:
            if name.endswith("_1") and name != "1_1":
                seen = functional.max_pool2d(seen, 2, ceil_mode=True)
            seen = torch.relu(self.convolutions[f"conv{name}"](seen))
            if f"relu{name}" in self.layers:
                found[f"relu{name}"] = seen
        return found
