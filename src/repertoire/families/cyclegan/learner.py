"""Generators that lower three losses, discriminators that see past translations too."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.cyclegan.config import Config
from repertoire.families.cyclegan.past import PastPictures
from repertoire.nn.cycle import Cycle, discriminator_loss, generator_losses
from repertoire.nn.patch import frozen
from repertoire.nn.translation import HALF, moved_alike, unit
from repertoire.training.adversary import Adversary

Unpaired = tuple[Tensor, Tensor]


class CycleLearner:
    """One step of both generators, then one of both discriminators."""

    def __init__(self, network: Cycle, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.domains = tuple(torch.from_numpy(arrays[domain]) for domain in ("a", "b"))
        steps = plan.epochs * (self._least() // config.batch)
        self.generators = Adversary(network.generators(), config.generator_rate, steps)
        self.discriminators = Adversary(network.discriminators(), config.discriminator_rate, steps)
        self.past_a, self.past_b = (PastPictures(config.past, config.batch) for _ in range(2))

    def _least(self) -> int:
        return min(len(images) for images in self.domains)

    def batches(self, epoch: int) -> Iterator[Unpaired]:
        """Full batches of both domains, each in an order of its own, while the smaller lasts."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        orders = [torch.from_numpy(rng.permutation(len(images))) for images in self.domains]
        size = self.config.batch
        for start in range(0, self._least() - size + 1, size):
            a, b = (
                moved_alike(
                    (images[order[start : start + size]],),
                    rng,
                    self.config.shift,
                    self.config.mirrored,
                )[0]
                for images, order in zip(self.domains, orders, strict=True)
            )
            yield a, b

    def step(self, batch: Unpaired) -> dict[str, float]:
        """Each loss summed over both directions; absolute errors are in grey levels."""
        a, b = (unit(images) for images in batch)
        net, config = self.network, self.config
        with frozen(net.discriminator_a), frozen(net.discriminator_b):
            losses = generator_losses(net, a, b)
        weights = (config.validity_weight, config.reconstruction_weight, config.identity_weight)
        self.generators.step(losses.total(*weights))
        fakes = (self.past_a.exchange(losses.fake_a), self.past_b.exchange(losses.fake_b))
        told = discriminator_loss(net, (a, b), fakes)
        self.discriminators.step(told)
        return {
            "reconstruction_levels": HALF * losses.reconstruction.item(),
            "identity_levels": HALF * losses.identity.item(),
            "validity_loss": losses.validity.item(),
            "discriminators_loss": told.item(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Both optimizers and the past translations of both domains."""
        parts = ("generators", "discriminators", "past_a", "past_b")
        return {part: getattr(self, part).state_dict() for part in parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        for part, content in state.items():
            getattr(self, part).load_state_dict(content)


def learner(network: Cycle, config: Config, data: Data, plan: Plan) -> CycleLearner:
    """A learner for unpaired pictures."""
    return CycleLearner(network, config, data, plan)
