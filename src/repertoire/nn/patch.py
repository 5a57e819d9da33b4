"""A discriminator of patches, and what two adversaries lose to each other."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

SIZE = 4  # of every filter


class PatchDiscriminator(nn.Module):
    """One logit for each overlapping patch: positive means real (Isola et al. 2017, section 3.2.2).

    ``halvings`` convolutions of stride 2, one of stride 1, and one more that judges; instance
    normalisation but in the first. What a logit sees is ``receptive_field(halvings)`` pixels wide.
    """

    def __init__(self, channels: int, width: int, halvings: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inner = channels
        for level in range(halvings + 1):
            outer = width * min(2**level, 8)
            layers.append(nn.Conv2d(inner, outer, SIZE, stride=_stride(level, halvings), padding=1))
            layers += [nn.InstanceNorm2d(outer, affine=True)] if level else []
            layers.append(nn.LeakyReLU(0.2))
            inner = outer
        self.layers = nn.Sequential(*layers, nn.Conv2d(inner, 1, SIZE, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (batch, channels, side, side) -> logits (batch, rows, columns)."""
        return self.layers(pictures)[:, 0]


def _stride(level: int, halvings: int) -> int:
    return 2 if level < halvings else 1


def receptive_field(halvings: int) -> int:
    """Side of the patch that one logit sees, in pixels."""
    side = SIZE  # what the last layer sees of the one before
    for level in reversed(range(halvings + 1)):
        side = SIZE + _stride(level, halvings) * (side - 1)
    return side


def rows_of(side: int, halvings: int) -> int:
    """Rows of logits for pictures of this side: each stride 1 takes one pixel."""
    return side // 2**halvings - 2


def told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of real against fake logits, halved (Isola et al. 2017, section 3.3), nats."""
    return 0.5 * (softplus(-real).mean() + softplus(fake).mean())


def taken_for_real(fake: Tensor) -> Tensor:
    """The loss of a generator that does not saturate (Goodfellow et al. 2014), nats a patch."""
    return softplus(-fake).mean()


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through, and none is computed for the net's own weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def square_told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """Least squares to 1 and 0 in place of cross-entropy, halved (Mao et al. 2017)."""
    return 0.5 * (torch.mean((real - 1) ** 2) + torch.mean(fake**2))


def square_taken_for_real(fake: Tensor) -> Tensor:
    """Least squares to 1."""
    return torch.mean((fake - 1) ** 2)
