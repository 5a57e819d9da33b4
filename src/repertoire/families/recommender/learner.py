"""The annealed bound with a multinomial likelihood, maximised."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.recommender.config import Config
from repertoire.families.recommender.network import Recommender, told_items
from repertoire.training.optimisation import Optimisation


class RecommenderLearner:
    """One AdamW step a batch of users."""

    def __init__(self, network: Recommender, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.history = torch.from_numpy(data.arrays("train")["history"])
        self.steps = plan.epochs * config.passes * -(-len(self.history) // config.batch)
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=self.steps,
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Shuffled likes (batch, items), all users in every pass."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        for _ in range(self.config.passes):
            order = torch.from_numpy(rng.permutation(len(self.history)))
            for rows in order.split(self.config.batch):
                # Of one batch at a time: likes of all users need users x items cells.
                yield told_items(self.history[rows].long(), self.network.items)

    def step(self, batch: Tensor) -> dict[str, float]:
        """Negative bound at the present weight of the divergence, and its parts, nats per user."""
        blank = torch.rand((len(batch), 1)) < self.config.blank
        scaled = self.network.scaled(batch.masked_fill(blank, 0.0))
        mean, log_variance = self.network.encode(scaled)
        code, divergence = mean, torch.zeros(())
        if self.config.variational:
            code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
        log_probs = torch.log_softmax(self.network.logits(code, scaled), dim=1)
        reconstruction = -(log_probs * batch).sum(1).mean()
        loss = reconstruction + self.weight() * divergence
        self.optimisation.step(loss)
        return {
            "loss_nats": loss.item(),
            "reconstruction_nats": reconstruction.item(),
            "divergence_nats": divergence.item(),
        }

    def weight(self) -> float:
        """The weight of the divergence: from 0 in a straight line to its cap (section 3.2)."""
        done = self.optimisation.schedule.last_epoch
        return self.config.beta * min(1.0, done / max(1.0, self.config.anneal * self.steps))

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule, whose steps the weight of the divergence follows."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Recommender, config: Config, data: Data, plan: Plan) -> RecommenderLearner:
    """A learner for likes."""
    return RecommenderLearner(network, config, data, plan)
