"""Two generators between two domains, and what they lose when there are no pairs.

Zhu et al. 2017, section 3. The three losses are kept apart, so that each can be weighed and left
out; nets of any kind fit, on pictures or on points.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from repertoire.nn.patch import square_taken_for_real, square_told_apart


class Cycle(nn.Module):
    """A generator each way, and a discriminator of each domain: (batch, …) -> logits."""

    def __init__(
        self,
        a_to_b: nn.Module,
        b_to_a: nn.Module,
        discriminator_a: nn.Module,
        discriminator_b: nn.Module,
    ) -> None:
        super().__init__()
        self.a_to_b, self.b_to_a = a_to_b, b_to_a
        self.discriminator_a, self.discriminator_b = discriminator_a, discriminator_b

    def generators(self) -> list[nn.Parameter]:
        """What ``generator_losses`` moves."""
        return [*self.a_to_b.parameters(), *self.b_to_a.parameters()]

    def discriminators(self) -> list[nn.Parameter]:
        """What ``discriminator_loss`` moves."""
        return [*self.discriminator_a.parameters(), *self.discriminator_b.parameters()]


@dataclass(frozen=True)
class Losses:
    """Sums over both directions, and the translations they come from."""

    validity: Tensor
    reconstruction: Tensor
    identity: Tensor
    fake_a: Tensor
    fake_b: Tensor

    def total(self, validity: float, reconstruction: float, identity: float) -> Tensor:
        """What the generators lower, by the weight of each; 0 leaves one out."""
        return (
            validity * self.validity
            + reconstruction * self.reconstruction
            + identity * self.identity
        )


def generator_losses(nets: Cycle, a: Tensor, b: Tensor) -> Losses:
    """Validity by least squares, mean absolute errors of there and back and of the identity.

    Equations 1 (in the form of section 4) and 2, and L_identity of section 5.2: a generator should
    leave alone what is of its target domain already.
    """
    # Two pictures in one batch cost less than one after the other; no net here joins them.
    fake_b, same_b = nets.a_to_b(torch.cat((a, b))).split((len(a), len(b)))
    fake_a, same_a = nets.b_to_a(torch.cat((b, a))).split((len(b), len(a)))
    back_a, back_b = nets.b_to_a(fake_b), nets.a_to_b(fake_a)
    validity = square_taken_for_real(nets.discriminator_b(fake_b))
    return Losses(
        validity + square_taken_for_real(nets.discriminator_a(fake_a)),
        (back_a - a).abs().mean() + (back_b - b).abs().mean(),
        (same_b - b).abs().mean() + (same_a - a).abs().mean(),
        fake_a.detach(),
        fake_b.detach(),
    )


def discriminator_loss(
    nets: Cycle, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]
) -> Tensor:
    """Least squares of both discriminators, each pair being (a, b)."""
    total = torch.zeros(())
    for discriminator, true, false in zip(
        (nets.discriminator_a, nets.discriminator_b), real, fake, strict=True
    ):
        logits = discriminator(torch.cat((true, false))).split((len(true), len(false)))
        total = total + square_told_apart(*logits)
    return total
