"""Teacher forcing: each sentence is its own target."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.contract import Data, Plan
from repertoire.families.sentence_vectors.config import Config
from repertoire.families.sentence_vectors.network import SentenceVectors
from repertoire.kinds.sentences.facts import Facts
from repertoire.nn.softmax import linear_cross_entropy
from repertoire.training.optimisation import Optimisation

POOL = 20  # batches that are sorted by length together


class SentenceVectorsLearner:
    """One AdamW step a batch of sentences of about equal length."""

    def __init__(
        self, network: SentenceVectors, config: Config, data: Data[Facts], plan: Plan
    ) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.tokens = data.arrays("train")["tokens"]
        self.unknown = data.facts["unknown"]
        self.optimisation = Optimisation(
            list(network.parameters()),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * -(-len(self.tokens) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """Shuffled; within a pool of batches sorted by length, so that little is padding."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = rng.permutation(len(self.tokens))
        size = self.config.batch
        lengths = (self.tokens != 0).sum(1)
        for start in range(0, len(order), size * POOL):
            pool = order[start : start + size * POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            chunks = [pool[i : i + size] for i in range(0, len(pool), size)]
            for index in rng.permutation(len(chunks)):
                rows = self.tokens[chunks[index]]
                yield torch.from_numpy(rows[:, : int((rows != 0).sum(1).max())].astype(np.int64))

    def step(self, batch: Tensor) -> dict[str, float]:
        """Cross-entropy in nats per token."""
        vectors = self.network.vectors(batch)
        vectors = vectors + self.config.noise * torch.randn_like(vectors)
        told = self.network.shifted(batch)
        hidden_from = torch.rand(told.shape) < self.config.word_dropout
        features = self.network.features(told.masked_fill(hidden_from, self.unknown), vectors)
        real = batch != 0
        output = self.network.decoder.output
        loss = linear_cross_entropy(
            features[real], output.weight, output.bias, batch[real], torch.float32
        )
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: SentenceVectors, config: Config, data: Data[Facts], plan: Plan) -> Any:
    """A learner for the one net of this family."""
    return SentenceVectorsLearner(network, config, data, plan)
