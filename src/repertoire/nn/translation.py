"""Pictures to pictures of the same size: bytes to tensors and back, and two generators.

All nets take and give (batch, channels, side, side) in [-1, 1].
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError

HALF = 127.5  # grey levels of a unit


def unit(images: Tensor) -> Tensor:
    """uint8 (batch, side, side) or (batch, side, side, 3) -> [-1, 1] (batch, channels, …)."""
    channels = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
    return channels.to(torch.float32) / HALF - 1


def levels(pictures: Tensor) -> Tensor:
    """The inverse of ``unit``, rounded to grey levels."""
    images = pictures[:, 0] if pictures.shape[1] == 1 else pictures.permute(0, 2, 3, 1)
    return ((images + 1) * HALF).round().to(torch.uint8)


def image_shape(facts: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Axes of a port of grey or coloured images, as ``facts`` say."""
    side, colours = facts["side"], facts["colours"]
    return ("batch", side, side) if colours == 1 else ("batch", side, side, colours)


def moved_alike(
    images: tuple[Tensor, ...], rng: np.random.Generator, largest: int, mirrored: bool
) -> tuple[Tensor, ...]:
    """Move the n-th image of each tensor (batch, side, side[, 3]) by the same pixels each way.

    Up to ``largest``, drawn for each n; the pixels of the rim fill what is laid bare. If
    ``mirrored``, half of them are mirrored from left to right besides.
    """
    if largest == 0 and not mirrored:
        return images
    count, side = images[0].shape[:2]
    device, places = images[0].device, np.arange(side)
    down, right = rng.integers(-largest, largest + 1, (2, count, 1))
    columns = np.clip(places + right, 0, side - 1)
    if mirrored:
        columns = np.where(rng.random((count, 1)) < 0.5, columns[:, ::-1], columns)
    rows = torch.from_numpy(np.clip(places + down, 0, side - 1)).to(device).view(count, side, 1)
    across = torch.from_numpy(columns.copy()).to(device).view(count, 1, side)
    which = torch.arange(count, device=device).view(count, 1, 1)
    return tuple(each[which, rows, across] for each in images)


class UNet(nn.Module):
    """Convolutions down, transposed ones up, each level beside what the way down saw there.

    Ronneberger et al. 2015 as Isola et al. 2017 use it (appendix 6.1): 4x4 filters of stride 2,
    batch normalisation but at the rim, leaky ReLU down, ReLU up, widths that double up to
    eightfold. ``dropout`` acts on the innermost half of the way up, as the only source of noise.
    """

    def __init__(self, channels: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList(
            _fall(inner, outer, level)
            for level, (inner, outer) in enumerate(
                zip([channels, *widths[:-1]], widths, strict=True)
            )
        )
        self.up = nn.ModuleList()
        for level in reversed(range(depth)):
            given = widths[level] * (1 if level == depth - 1 else 2)  # itself and the skip
            wanted = widths[level - 1] if level else channels
            self.up.append(_rise(given, wanted, level, dropout if 2 * level >= depth else 0.0))

    def forward(self, pictures: Tensor) -> Tensor:
        """The translated pictures, of the same shape."""
        seen = []
        hidden = pictures
        for fall in self.down:
            hidden = fall(hidden)
            seen.append(hidden)
        hidden = self.up[0](seen.pop())
        for rise in self.up[1:]:
            hidden = rise(torch.cat((hidden, seen.pop()), 1))
        return torch.tanh(hidden)


def _fall(inner: int, outer: int, level: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
    layers.append(nn.Conv2d(inner, outer, 4, stride=2, padding=1))
    return nn.Sequential(*layers, *([nn.BatchNorm2d(outer)] if level else []))


def _rise(inner: int, outer: int, level: int, dropout: float) -> nn.Sequential:
    layers = [nn.ReLU(), nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1)]
    layers += [nn.BatchNorm2d(outer)] if level else []
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


class ResidualGenerator(nn.Module):
    """Convolutions down, residual blocks, transposed convolutions up.

    Johnson et al. 2016 as Zhu et al. 2017 use it (appendix 7.2): instance normalisation,
    reflected rims. ``halvings`` of the side come before ``blocks`` residual blocks; ``rim`` is the
    side of the first and the last filters, 7 there.
    """

    def __init__(self, channels: int, width: int, halvings: int, blocks: int, rim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_reflected(channels, width, rim), nn.ReLU()]
        for level in range(halvings):
            inner = width * 2**level
            layers += [nn.Conv2d(inner, 2 * inner, 3, stride=2, padding=1), _norm(2 * inner)]
            layers.append(nn.ReLU())
        layers += [Residual(width * 2**halvings) for _ in range(blocks)]
        for level in reversed(range(halvings)):
            outer = width * 2**level
            layers += [nn.ConvTranspose2d(2 * outer, outer, 4, stride=2, padding=1), _norm(outer)]
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers, _reflect(width, channels, rim), nn.Tanh())

    def forward(self, pictures: Tensor) -> Tensor:
        """The translated pictures, of the same shape."""
        return self.layers(pictures)


class Residual(nn.Module):
    """Two convolutions whose sum with the input goes on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_reflected(width, width, 3), nn.ReLU(), *_reflected(width, width, 3)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.layers(hidden)


def _reflect(inner: int, outer: int, size: int) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, size, padding=size // 2, padding_mode="reflect")


def _reflected(inner: int, outer: int, size: int) -> tuple[nn.Module, nn.Module]:
    return _reflect(inner, outer, size), _norm(outer)


def _norm(width: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(width, affine=True)


def check_side(facts: Mapping[str, Any], halvings: int) -> None:
    """Refuse pictures that cannot be halved so often and doubled to the same size again."""
    step = 2**halvings
    if facts["side"] % step:
        raise RepertoireError(
            f"image side {facts['side']} is not a multiple of {step}; "
            "resize the data, or go down fewer levels"
        )
