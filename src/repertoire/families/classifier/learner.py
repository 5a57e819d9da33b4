"""Cross-entropy with label smoothing, and words that are dropped at random."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from repertoire.contract import Data, Plan
from repertoire.families.classifier.config import Config
from repertoire.families.classifier.network import Classifier
from repertoire.kinds.labelled_texts.facts import Facts
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, Tensor]
POOL = 20  # batches that are sorted by length together


class ClassifierLearner:
    """One AdamW step a batch of texts of about equal length."""

    def __init__(self, network: Classifier, config: Config, data: Data[Facts], plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.tokens, self.labels = arrays["tokens"], arrays["labels"]
        self.end, self.unknown = data.facts["end"], data.facts["unknown"]
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * -(-len(self.labels) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled; within a pool of batches sorted by length, so that little is padding."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = rng.permutation(len(self.labels))
        size = self.config.batch
        lengths = (self.tokens != 0).sum(1)
        for start in range(0, len(order), size * POOL):
            pool = order[start : start + size * POOL]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            chunks = [pool[i : i + size] for i in range(0, len(pool), size)]
            for index in rng.permutation(len(chunks)):
                rows = chunks[index]
                tokens = self.tokens[rows, : int(lengths[rows].max())].astype(np.int64)
                yield torch.from_numpy(tokens), torch.from_numpy(self.labels[rows])

    def step(self, batch: Batch) -> dict[str, float]:
        """Smoothed cross-entropy in nats per text (Szegedy et al. 2016, section 7)."""
        tokens, labels = batch
        logits = self.network(self._dropped(tokens))
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def _dropped(self, tokens: Tensor) -> Tensor:
        # Whole words at a time (Iyyer et al. 2015, section 4.1.2), as if they were unknown: so
        # places stay, and the net learns what an unknown word tells.
        gone = (torch.rand(tokens.shape) < self.config.word_dropout) & (tokens > self.end)
        return tokens.masked_fill(gone, self.unknown)

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(
    network: Classifier, config: Config, data: Data[Facts], plan: Plan
) -> ClassifierLearner:
    """A learner for any of the nets of this family."""
    return ClassifierLearner(network, config, data, plan)
