"""The reparameterised bound, maximised."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.variational_autoencoder.config import Config
from repertoire.families.variational_autoencoder.network import Vae, binarise
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation


class VaeLearner:
    """One AdamW step a batch of images, each moved by a few pixels."""

    def __init__(self, network: Vae, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.images = torch.from_numpy(data.arrays("train")["images"])
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.images) // config.batch),
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Shuffled full batches of uint8 images."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            batch = self.images[order[start : start + self.config.batch]]
            yield shifted(batch, rng, self.config.shift)

    def step(self, batch: Tensor) -> dict[str, float]:
        """Negative bound, its reconstruction and divergence parts, nats an image."""
        binary = binarise(batch)
        mean, log_variance = self.network.encode(binary)
        latents = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = torch.nn.functional.binary_cross_entropy_with_logits(
            self.network.logits(latents), binary, reduction="sum"
        ) / len(batch)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = reconstruction + self.config.beta * divergence
        self.optimisation.step(loss)
        return {
            "loss_nats": loss.item(),
            "reconstruction_nats": reconstruction.item(),
            "divergence_nats": divergence.item(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Vae, config: Config, data: Data, plan: Plan) -> VaeLearner:
    """A learner for images."""
    return VaeLearner(network, config, data, plan)
