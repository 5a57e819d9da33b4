"""Maximum likelihood of written words, each from its first point to its last."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.handwriting.config import Config, initial_states, texts
from repertoire.families.handwriting.density import log_likelihood, mixture
from repertoire.families.handwriting.network import Writer
from repertoire.kinds.strokes.facts import Facts
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import placed

Batch = tuple[Tensor, Tensor, Tensor]
POOL = 10  # batches that are sorted by length together


class HandwritingLearner:
    """One AdamW step a batch of words of about equal length."""

    def __init__(self, network: Writer, config: Config, data: Data[Facts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.facts = data.facts
        arrays = data.arrays("train")
        self.points, self.lengths, self.text = arrays["points"], arrays["lengths"], texts(arrays)
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * -(-len(self.lengths) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """(points, which of them are no padding, text), sorted by length within a pool."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = rng.permutation(len(self.lengths))
        size = self.config.batch
        for start in range(0, len(order), size * POOL):
            pool = order[start : start + size * POOL]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            chunks = [pool[i : i + size] for i in range(0, len(pool), size)]
            for index in rng.permutation(len(chunks)):
                yield self._batch(chunks[index])

    def _batch(self, rows: np.ndarray) -> Batch:
        lengths, text = self.lengths[rows], self.text[rows]
        longest, letters = int(lengths.max()), int((text != 0).sum(1).max())
        real = np.arange(longest) < lengths[:, None]
        return (
            torch.from_numpy(self.points[rows, :longest]),
            torch.from_numpy(real),
            torch.from_numpy(text[:, :letters].astype(np.int64)),
        )

    def step(self, batch: Batch) -> dict[str, float]:
        """Negative log-likelihood in nats per point, and the gradient's norm before clipping."""
        points, real, text = batch
        zeros = initial_states(self.config, self.facts, len(points))
        point, *states = placed(tuple(zeros.values()))
        before = torch.cat((point.unsqueeze(1), points[:, :-1]), dim=1)
        raw, _, _ = self.network.features(before, (text,), tuple(states))
        density = mixture(raw, torch.zeros_like(raw[..., 0]))
        loss = -(log_likelihood(density, points) * real).sum() / real.sum()
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Writer, config: Config, data: Data[Facts], plan: Plan) -> HandwritingLearner:
    """A learner for words with or without their text."""
    return HandwritingLearner(network, config, data, plan)
