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
from repertoire.training.process import clip_gradients
from repertoire.training.schedule import warmup_cosine

Batch = tuple[Tensor, Tensor]
POOL = 50  # batches that are sorted by length together


class Seq2SeqLearner:
    """One AdamW step a batch of pairs of about equal length."""

    def __init__(self, network: Seq2Seq, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.source, self.target = arrays["source"], arrays["target"]
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        steps = plan.epochs * -(-len(self.source) // config.batch)
        self.schedule = warmup_cosine(self.optimizer, steps, config.warmup)

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
        """Smoothed cross-entropy in nats a token (Szegedy et al. 2016, section 7)."""
        source, target = batch
        logits, _ = self.network(source, target)
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            target.flatten(),
            ignore_index=0,
            label_smoothing=self.config.label_smoothing,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_gradients(self.network, self.config.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        return {"loss_nats": loss.item(), "gradient_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def _trimmed(rows: np.ndarray) -> Tensor:
    longest = int((rows != 0).sum(1).max())
    return torch.from_numpy(rows[:, :longest].astype(np.int64))


def learner(network: Seq2Seq, config: Config, data: Data, plan: Plan) -> Seq2SeqLearner:
    """A learner for pairs."""
    return Seq2SeqLearner(network, config, data, plan)
