"""Least squares by gradient descent."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from repertoire.families.line.config import Config
from repertoire.families.line.network import Line
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.training.optimisation import Optimisation


class LineLearner:
    """One step a batch of springs."""

    def __init__(self, network: Line, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.load, self.length = (torch.from_numpy(arrays[k].copy()) for k in ("load", "length"))
        steps = plan.epochs * -(-len(self.load) // config.batch)
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=0.0,
            warmup=0.0,
            steps=steps,
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Numbers of springs, shuffled."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        yield from torch.from_numpy(rng.permutation(len(self.load))).split(self.config.batch)

    def step(self, batch: Tensor) -> dict[str, float]:
        """The mean squared error, in mm²."""
        loss = ((self.network(self.load[batch]) - self.length[batch]) ** 2).mean()
        self.optimisation.step(loss)
        return {"squared_loss": loss.item()}

    def state_dict(self) -> dict[str, Any]:
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimisation.load_state_dict(state)


def learner(network: Line, config: Config, data: Data, plan: Plan) -> LineLearner:
    """A learner for springs."""
    return LineLearner(network, config, data, plan)
