"""Halves of autoencoders: pictures to vectors and back."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Shaped(nn.Module):
    """Rows as maps: (batch, channels * side * side) -> (batch, channels, side, side)."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.channels, self.side = channels, side

    def forward(self, rows: Tensor) -> Tensor:
        return rows.view(-1, self.channels, self.side, self.side)


def levels(images: Tensor) -> Tensor:
    """uint8 (batch, side, side) or (batch, side, side, 3) -> float (batch, channels, side, side).

    Black is 0 and white 1.
    """
    values = images.to(torch.float32)
    values = values.unsqueeze(1) if values.dim() == 3 else values.permute(0, 3, 1, 2)
    return values / 255


def as_images(values: Tensor) -> Tensor:
    """The inverse: (batch, channels, side, side) from 0 to 1 -> uint8 images."""
    values = values[:, 0] if values.shape[1] == 1 else values.permute(0, 2, 3, 1)
    return (values * 255).round().to(torch.uint8)


def map_channels(first: int, count: int) -> list[int]:
    """Channels of the maps of so many halvings: doubled once, then twice, and no more."""
    return [first * min(2**level, 4) for level in range(count)]


def dense(widths: Sequence[int]) -> nn.Sequential:
    """Linear maps from one width to the next with SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def dense_halves(
    side: int, colours: int, units: Sequence[int], latent: int
) -> tuple[nn.Module, nn.Module]:
    """Encoder and its mirror image over all pixels; ``units`` are the widths between."""
    widths = [colours * side * side, *units, latent]
    return (
        nn.Sequential(nn.Flatten(), dense(widths)),
        nn.Sequential(dense(widths[::-1]), Shaped(colours, side)),
    )


def convolutional_halves(
    side: int, colours: int, maps: Sequence[int], units: Sequence[int], latent: int
) -> tuple[nn.Module, nn.Module]:
    """Strided convolutions down and transposed ones up, linear maps between.

    ``maps`` are the channels after each convolution, all of which halve the side.
    """
    small = side // 2 ** len(maps)
    widths = [maps[-1] * small**2, *units, latent]
    down: list[nn.Module] = []
    for before, after in itertools.pairwise((colours, *maps)):
        down += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    encoder = nn.Sequential(*down, nn.Flatten(), dense(widths))
    up: list[nn.Module] = [dense(widths[::-1]), nn.SiLU(), Shaped(maps[-1], small)]
    for before, after in itertools.pairwise((*maps[::-1], colours)):
        up += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    return encoder, nn.Sequential(*up[:-1])
