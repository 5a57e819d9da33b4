"""Adversaries of points in the plane: many small pairs of nets, trained side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from repertoire.config import Count, Share
from repertoire.nn.adversarial import Objective

NEAR = 3  # standard deviations within which a point is of high quality


@dataclass(frozen=True)
class Nets:
    """Two hidden layers of ``units`` on both sides; ``average`` is that of the generator used."""

    units: Count
    latent: Count
    batch: Count
    momentum: Share
    average: Share


@dataclass(frozen=True)
class Target:
    """Gaussians of one standard deviation around ``means`` (modes, 2), all as likely."""

    means: Tensor
    deviation: float

    def draw(self, count: int) -> Tensor:
        """Points (count, 2)."""
        centres = self.means[torch.randint(len(self.means), (count,))]
        return centres + self.deviation * torch.randn(count, 2)

    def quality(self, points: Tensor) -> tuple[int, float]:
        """Modes covered by points (count, 2), and the share of points of high quality."""
        distance, nearest = torch.cdist(points, self.means).min(1)
        high = distance <= NEAR * self.deviation
        return len(nearest[high].unique()), float(high.double().mean())


def ring(modes: int = 8) -> Target:
    """On a circle of radius 1."""
    angle = torch.arange(modes) * (2 * math.pi / modes)
    return Target(torch.stack((angle.cos(), angle.sin()), 1), 0.01)


def grid(side: int = 5) -> Target:
    """A square of means two apart around the origin."""
    places = 2.0 * torch.arange(side) - (side - 1)
    return Target(torch.cartesian_prod(places, places), 0.05)


class Ensemble(nn.Module):
    """Nets of the same shape side by side, each with its own learning rate.

    A weight is where it started plus ``rate`` times what is learned. Adam's steps do not depend on
    the scale of gradients, so Adam at rate 1 moves each net's weights at that net's rate.
    """

    def __init__(self, sizes: Sequence[int], rates: Tensor) -> None:
        super().__init__()
        self.starts, self.rates = [], rates[:, None, None]
        for inputs, outputs in pairwise(sizes):
            bound = inputs**-0.5
            for rows in (inputs, 1):
                self.starts.append(torch.empty(len(rates), rows, outputs).uniform_(-bound, bound))
        self.learned = nn.ParameterList(torch.zeros_like(start) for start in self.starts)

    def forward(self, values: Tensor, learned: Sequence[Tensor] | None = None) -> Tensor:
        """(nets, count, first size) -> (nets, count, last size); by other numbers if given."""
        moved = self.learned if learned is None else learned
        weights = [s + self.rates * x for s, x in zip(self.starts, moved, strict=True)]
        for depth in range(0, len(weights), 2):
            values = torch.baddbmm(weights[depth + 1], values, weights[depth])
            if depth + 2 < len(weights):
                values = leaky_relu(values, 0.2)
        return values


class Duels:
    """Trainings side by side; ``rates`` (nets, 2) are those of generator and critic."""

    def __init__(self, target: Target, objective: Objective, rates: Tensor, nets: Nets) -> None:
        self.target, self.objective, self.nets = target, objective, nets
        self.count = len(rates)
        # The nets work in units of the target's own spread.
        self.scale = target.means.square().mean().sqrt()
        hidden = [nets.units, nets.units]
        self.generator = Ensemble([nets.latent, *hidden, 2], rates[:, 0])
        self.critic = Ensemble([2, *hidden, 1], rates[:, 1])
        self.average = [p.detach().clone() for p in self.generator.parameters()]
        self.optimizers = [
            torch.optim.Adam(net.parameters(), lr=1, betas=(nets.momentum, 0.99), eps=1e-12)
            for net in (self.generator, self.critic)
        ]

    def step(self) -> None:
        """One step of the critics, one of the generators."""
        count = self.count * self.nets.batch
        real, fake = self.target.draw(count) / self.scale, self._generated()
        against = self.objective.of_critic(self._judged, real, fake)
        self._move(against, self.critic, self.optimizers[1])
        self._move(
            self.objective.of_generator(self._judged(fake)), self.generator, self.optimizers[0]
        )
        parameters = [p.detach() for p in self.generator.parameters()]
        torch._foreach_lerp_(self.average, parameters, 1 - self.nets.average)

    @torch.no_grad()
    def points(self, count: int) -> Tensor:
        """What the averaged generators make: (nets, count, 2)."""
        codes = torch.randn(self.count, count, self.nets.latent)
        return self.generator(codes, self.average) * self.scale

    def _generated(self) -> Tensor:
        codes = torch.randn(self.count, self.nets.batch, self.nets.latent)
        return self.generator(codes).flatten(0, 1)

    def _judged(self, points: Tensor) -> Tensor:
        return self.critic(points.view(self.count, -1, 2)).flatten()

    def _move(self, loss: Tensor, net: Ensemble, optimizer: torch.optim.Adam) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(net.parameters()))
        optimizer.step()
