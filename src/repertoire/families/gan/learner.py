"""Two adversaries, two optimizers, one step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from repertoire.contract import Data, Plan
from repertoire.families.gan.config import Config
from repertoire.families.gan.network import Gan, unit
from repertoire.nn.images import shifted


class GanLearner:
    """One step of the discriminator, one of the generator, one of the average."""

    def __init__(self, network: Gan, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.images = torch.from_numpy(data.arrays("train")["images"])
        self.generator = _adam(network.generator, config.generator_rate)
        self.discriminator = _adam(network.discriminator, config.discriminator_rate)

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Shuffled full batches of uint8 images."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            batch = self.images[order[start : start + self.config.batch]]
            yield shifted(batch, rng, self.config.shift)

    def step(self, batch: Tensor) -> dict[str, float]:
        """Non-saturating losses of both, in nats an image."""
        net = self.network
        fake = net.generator(torch.randn(len(batch), self.config.latent))
        real_logit, fake_logit = net.discriminator(unit(batch)), net.discriminator(fake.detach())
        against = softplus(-real_logit).mean() + softplus(fake_logit).mean()
        self.discriminator.zero_grad(set_to_none=True)
        against.backward()
        self.discriminator.step()
        fooling = softplus(-net.discriminator(fake)).mean()
        self.generator.zero_grad(set_to_none=True)
        fooling.backward()
        self.generator.step()
        self._average()
        return {"discriminator_nats": against.item(), "generator_nats": fooling.item()}

    @torch.no_grad()
    def _average(self) -> None:
        pairs = zip(
            self.network.average.state_dict().values(),
            self.network.generator.state_dict().values(),
            strict=True,
        )
        for average, present in pairs:
            if average.is_floating_point():
                average.lerp_(present, 1 - self.config.average)
            else:
                average.copy_(present)

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


def _adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
    # Half the usual momentum (Radford et al. 2016, section 3).
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.999), fused=True)


def learner(network: Gan, config: Config, data: Data, plan: Plan) -> GanLearner:
    """A learner for images."""
    return GanLearner(network, config, data, plan)
