"""The error and the discriminator, both lowered by the U-Net."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from repertoire.contract import Data, Plan
from repertoire.families.pix2pix.config import Config
from repertoire.families.pix2pix.network import Pix2Pix
from repertoire.nn.patch import frozen, taken_for_real, told_apart
from repertoire.nn.translation import HALF, moved_alike, unit
from repertoire.training.adversary import Adversary

Pairs = tuple[Tensor, Tensor]


class PairLearner:
    """One step of the discriminator, then one of the generator (Isola et al. 2017, section 3.3)."""

    def __init__(self, network: Pix2Pix, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.sources, self.targets = (torch.from_numpy(arrays[k]) for k in ("sources", "targets"))
        steps = plan.epochs * (len(self.sources) // config.batch)
        generator, discriminator = network.generator, network.discriminator
        self.generator = Adversary(generator.parameters(), config.generator_rate, steps)
        self.discriminator = Adversary(discriminator.parameters(), config.discriminator_rate, steps)

    def batches(self, epoch: int) -> Iterator[Pairs]:
        """Shuffled full batches of uint8 pairs, source and target moved alike."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.sources)))
        size = self.config.batch
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            pair = (self.sources[rows], self.targets[rows])
            first, second = moved_alike(pair, rng, self.config.shift, self.config.mirrored)
            yield first, second

    def step(self, batch: Pairs) -> dict[str, float]:
        """The error in grey levels; what both adversaries lose, in nats a patch."""
        sources, targets = (unit(images) for images in batch)
        net, config = self.network, self.config
        fake = net.generator(sources)
        against = told_apart(net.logits(sources, targets), net.logits(sources, fake.detach()))
        self.discriminator.step(against)
        with frozen(net.discriminator):
            fooling = taken_for_real(net.logits(sources, fake))
        error = l1_loss(fake, targets)
        self.generator.step(config.l1_weight * error + config.adversarial_weight * fooling)
        return {
            "l1_levels": HALF * error.item(),
            "generator_nats": fooling.item(),
            "discriminator_nats": against.item(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Both optimizers."""
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])


def learner(network: Pix2Pix, config: Config, data: Data, plan: Plan) -> PairLearner:
    """A learner for pairs of pictures."""
    return PairLearner(network, config, data, plan)
