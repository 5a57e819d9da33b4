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


def grey(images: Tensor) -> Tensor:
    """uint8 (batch, side, side) -> float (batch, 1, side, side), black 0 and white 1."""
    return images.to(torch.float32).unsqueeze(1) / 255


def dense(widths: Sequence[int]) -> nn.Sequential:
    """Linear maps from one width to the next with SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def dense_halves(side: int, units: Sequence[int], latent: int) -> tuple[nn.Module, nn.Module]:
    """Encoder and its mirror image over all pixels; ``units`` are the widths between."""
    widths = [side * side, *units, latent]
    return (
        nn.Sequential(nn.Flatten(), dense(widths)),
        nn.Sequential(dense(widths[::-1]), Shaped(1, side)),
    )


def convolutional_halves(
    side: int, channels: int, units: Sequence[int], latent: int
) -> tuple[nn.Module, nn.Module]:
    """Two strided convolutions down and two transposed ones up, linear maps between.

    The second convolution has twice as many channels. The side is a multiple of 4.
    """
    small = side // 4
    widths = [2 * channels * small**2, *units, latent]
    encoder = nn.Sequential(
        nn.Conv2d(1, channels, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.Flatten(),
        dense(widths),
    )
    decoder = nn.Sequential(
        dense(widths[::-1]),
        nn.SiLU(),
        Shaped(2 * channels, small),
        nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1),
    )
    return encoder, decoder
