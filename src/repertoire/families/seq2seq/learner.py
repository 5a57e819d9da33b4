"""Teacher forcing with label smoothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from repertoire.contract import Data, Plan
from repertoire.families.seq2seq.config import Config
from repertoire.families.seq2seq.network import Seq2Seq
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, Tensor]
POOL = 50  # batches that are sorted by length together


class Seq2SeqLearner:
    """One AdamW step a batch of pairs of about equal length."""

    def __init__(self, network: Seq2Seq, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.source, self.target = arrays["source"], arrays["target"]
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * -(-len(self.source) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled; within a pool of batches sorted by length, so that little is padding."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = rng.permutation(len(self.source))
        size = self.config.batch
        lengths = (self.source != 0).sum(1)
        for start in range(0, len(order), size * POOL):
            pool = order[start : start + size * POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            chunks = [pool[i : i + size] for i in range(0, len(pool), size)]
            for index in rng.permutation(len(chunks)):
                yield _trimmed(self.source[chunks[index]]), _trimmed(self.target[chunks[index]])

    def step(self, batch: Batch) -> dict[str, float]:
        """Smoothed cross-entropy in nats per token (Szegedy et al. 2016, section 7)."""
        source, target = batch
        logits, _ = self.network(source, target)
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            target.flatten(),
            ignore_index=0,
            label_smoothing=self.config.label_smoothing,
        )
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def _trimmed(rows: np.ndarray) -> Tensor:
    longest = int((rows != 0).sum(1).max())
    return torch.from_numpy(rows[:, :longest].astype(np.int64))


def learner(network: Seq2Seq, config: Config, data: Data, plan: Plan) -> Seq2SeqLearner:
    """A learner for pairs."""
    return Seq2SeqLearner(network, config, data, plan)
