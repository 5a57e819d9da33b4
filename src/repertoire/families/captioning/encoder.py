"""What sees a picture: a small encoder that is learned, or one of photographs that is given."""

import torch
from torch import Tensor, nn

from repertoire.families.captioning.config import Config
from repertoire.kinds.captions.facts import Facts
from repertoire.nn import mobilenet

HALVINGS = 3  # of each side by the learned encoder, one a convolution


def _block(before: int, after: int, size: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()


class Encoder(nn.Module):
    """Three strided convolutions and one more, so that each place of the grid sees a digit."""

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        c = config.channels
        self.width = 4 * c
        self.layers = nn.Sequential(
            *_block(channels, c, 5, 2),
            *_block(c, 2 * c, 3, 2),
            *_block(2 * c, 4 * c, 3, 2),
            *_block(4 * c, 4 * c, 3, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images (batch, side, side[, 3]) -> features (batch, places, channels).

        Places follow one another row by row.
        """
        scaled = images.to(torch.float32) / 255
        planes = scaled.unsqueeze(1) if scaled.dim() == 3 else scaled.permute(0, 3, 1, 2)
        return self.layers(planes).flatten(2).transpose(1, 2)


class FrozenEncoder(nn.Module):
    """A photograph's features as they are, and a learned map of each place to fewer channels."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width = config.channels
        self.photographs = mobilenet.Photographs().requires_grad_(False)
        self.mapped = nn.Sequential(
            nn.Linear(mobilenet.WIDTH, config.channels), nn.ReLU(), nn.Dropout(config.dropout)
        )

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images (batch, side, side, 3) -> features (batch, places, channels)."""
        return self.mapped(self.photographs(images))


def halvings(facts: Facts) -> int:
    """How often the encoder halves each side of a picture."""
    return mobilenet.HALVINGS if "encoder" in facts else HALVINGS


def colours(facts: Facts) -> tuple[int, ...]:
    """The last axis of a picture: three channels of colour, or no axis where it is grey."""
    return (3,) if "encoder" in facts or facts.get("channels", 1) == 3 else ()
