"""What two adversaries lower, and the penalties that keep the critic smooth.

A critic maps samples (batch, …) to logits (batch,): positive means real. It is called a
discriminator where its logit is one of a probability.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from repertoire.config import NonNegative

Critic: TypeAlias = Callable[[Tensor], Tensor]
LossName = Literal["non_saturating", "wasserstein", "hinge"]


@dataclass(frozen=True)
class Objective:
    """One of three losses, with the weights of two penalties; a weight of 0 leaves one out.

    ``non_saturating``: Goodfellow et al. 2014, section 3, in nats. ``wasserstein``: Arjovsky et al.
    2017, equation 2, with the sign that is lowered. ``hinge``: Lim and Ye 2017; Miyato et al. 2018,
    equations 16 and 17. ``gradient_penalty`` and ``r1`` weigh the functions of those names.
    """

    loss: LossName
    gradient_penalty: NonNegative
    r1: NonNegative

    def of_critic(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic lowers; the generator that made ``fake`` gets no gradient."""
        fake = fake.detach()
        loss = self._telling(critic(real), critic(fake))
        if self.gradient_penalty:
            loss = loss + self.gradient_penalty * gradient_penalty(critic, real, fake)
        if self.r1:
            loss = loss + self.r1 / 2 * r1_penalty(critic, real)
        return loss

    def of_generator(self, logits: Tensor) -> Tensor:
        """What the generator lowers, by the logits (batch,) of what it made."""
        return softplus(-logits).mean() if self.loss == "non_saturating" else -logits.mean()

    def _telling(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.loss == "non_saturating":
            return softplus(-real).mean() + softplus(fake).mean()
        if self.loss == "hinge":
            return relu(1 - real).mean() + relu(1 + fake).mean()
        return fake.mean() - real.mean()


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (|gradient| - 1)² at random points between pairs.

    Two-sided, as in Gulrajani et al. 2017, section 4: where the critic is best, its gradient has
    norm 1 there.
    """
    share = torch.rand(len(real), *[1] * (real.dim() - 1))
    gradient = _gradient(critic, real.lerp(fake, share))
    return (gradient.norm(dim=1) - 1).square().mean()


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """Mean of |gradient|² at real samples (Mescheder et al. 2018, equation 9, without its weight).

    Without it the two adversaries circle around their equilibrium instead of approaching it.
    """
    return _gradient(critic, real).square().sum(1).mean()


def _gradient(critic: Critic, samples: Tensor) -> Tensor:
    """Of each logit by its own sample (batch, numbers of a sample), open to another derivative."""
    samples = samples.detach().requires_grad_()
    [gradient] = torch.autograd.grad(critic(samples).sum(), samples, create_graph=True)
    return gradient.flatten(1)
