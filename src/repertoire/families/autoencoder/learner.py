"""Squared error of the levels, minimised."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.autoencoder.config import Config
from repertoire.families.autoencoder.network import Autoencoder
from repertoire.kinds.images.corruption import corrupted
from repertoire.kinds.images.facts import Facts
from repertoire.metrics.pictures import level_error
from repertoire.nn.coders import levels
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation


class AutoencoderLearner:
    """One AdamW step a batch of pictures, each moved and spoiled as the recipe says."""

    def __init__(self, network: Autoencoder, config: Config, data: Data[Facts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.metric = level_error(data.facts["channels"])
        self.images = torch.from_numpy(data.arrays("train")["images"])
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.images) // config.batch),
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled full batches of uint8 pictures: what the net sees, and what it should give."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            batch = self.images[order[start : start + self.config.batch]]
            clean = shifted(batch, rng, self.config.shift)
            seen = clean
            if self.config.corruption:
                spoiled, _ = corrupted(clean.numpy(), self.config.corruption, rng)
                seen = torch.from_numpy(spoiled)
            yield seen, clean

    def step(self, batch: tuple[Tensor, Tensor]) -> dict[str, float]:
        """Squared error a value, white being 1."""
        seen, clean = batch
        rebuilt = self.network.decode(self.network.encode(seen))
        loss = torch.nn.functional.mse_loss(rebuilt, levels(clean))
        self.optimisation.step(loss)
        return {self.metric: loss.item()}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(
    network: Autoencoder, config: Config, data: Data[Facts], plan: Plan
) -> AutoencoderLearner:
    """A learner for pictures."""
    return AutoencoderLearner(network, config, data, plan)
