"""Two adversaries, two optimizers, one step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.gan.config import Config
from repertoire.families.gan.network import Gan, unit
from repertoire.nn.adversarial import Objective
from repertoire.nn.images import shifted


class GanLearner:
    """Some steps of the discriminator, one of the generator, one of the average."""

    def __init__(self, network: Gan, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.objective = Objective(config.loss, config.gradient_penalty, config.r1)
        self.images = torch.from_numpy(data.arrays("train")["images"])
        self.generator = _adam(network.generator, config.generator_rate, config.momentum)
        self.discriminator = _adam(
            network.discriminator, config.discriminator_rate, config.momentum
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Shuffled uint8 images, as many as one step takes."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        size = self.config.batch * self.config.critic_steps
        for start in range(0, len(order) - size + 1, size):
            yield shifted(self.images[order[start : start + size]], rng, self.config.shift)

    def step(self, batch: Tensor) -> dict[str, float]:
        """Losses of both, those of the discriminator with its penalties, as means over its steps.

        Non-saturating losses are in nats an image, the others in units of the logit.
        """
        parts = batch.split(self.config.batch)
        against = 0.0
        for part in parts:
            fake = self.network.generator(torch.randn(len(part), self.config.latent))
            against += self._criticise(part, fake) / len(parts)
        fooling = self.objective.of_generator(self.network.discriminator(fake))
        self.generator.zero_grad(set_to_none=True)
        fooling.backward(inputs=list(self.network.generator.parameters()))
        self.generator.step()
        self._average()
        return {"discriminator_loss": against, "generator_loss": fooling.item()}

    def _criticise(self, images: Tensor, fake: Tensor) -> float:
        loss = self.objective.of_critic(self.network.discriminator, unit(images), fake)
        self.discriminator.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator.step()
        return loss.item()

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


def _adam(network: torch.nn.Module, rate: float, momentum: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(momentum, 0.999), fused=True)


def learner(network: Gan, config: Config, data: Data, plan: Plan) -> GanLearner:
    """A learner for images."""
    return GanLearner(network, config, data, plan)
