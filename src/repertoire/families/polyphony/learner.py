"""Whole pieces, moved to other keys, from their first frame to their last."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.polyphony.config import Config, initial_states
from repertoire.families.polyphony.network import Polyphony, shifted
from repertoire.kinds.piano_rolls.transposition import room, transposed
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import placed

Batch = tuple[Tensor, Tensor]
SORTED_BATCHES = 4  # pieces of so many batches are sorted by length, so that little is padding


class PolyphonyLearner:
    """One AdamW step a batch of whole pieces."""

    def __init__(self, network: Polyphony, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        train = data.arrays("train")
        self.rolls, self.lengths = train["rolls"], train["lengths"]
        self.size = min(config.batch, len(self.rolls))  # of a batch
        self.room = room(self.rolls, config.transpose)
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.rolls) // self.size),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(rolls, lengths): full batches of pieces of like length, each in a key drawn anew."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        size = self.size
        order = rng.permutation(len(self.rolls))
        shifts = rng.integers(self.room[:, 0], self.room[:, 1] + 1)
        groups = []
        for start in range(0, len(order), SORTED_BATCHES * size):
            group = order[start : start + SORTED_BATCHES * size]
            group = group[np.argsort(self.lengths[group], kind="stable")]
            groups += [group[i : i + size] for i in range(0, len(group) - size + 1, size)]
        for place in rng.permutation(len(groups)):
            rows = groups[place]
            longest = self.lengths[rows].max()
            moved = transposed(self.rolls[rows, :longest], shifts[rows])
            yield torch.from_numpy(moved), torch.from_numpy(self.lengths[rows])

    def step(self, batch: Batch) -> dict[str, float]:
        """Loss in nats per frame, and the gradient's norm before clipping."""
        rolls, lengths = batch
        frames = rolls.to(torch.float32)
        states = placed(tuple(initial_states(self.config, len(rolls)).values()))
        before = shifted(torch.zeros_like(frames[:, 0]), frames)
        features, _ = self.network.features(before, *states)
        played = torch.lt(torch.arange(rolls.shape[1]), lengths.unsqueeze(1))
        loss = self.network.output.nats(features[played], frames[played]).mean()
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Polyphony, config: Config, data: Data, plan: Plan) -> PolyphonyLearner:
    """A learner for either output."""
    return PolyphonyLearner(network, config, data, plan)
