"""Teacher forcing on captions, the scenes moved by a few pixels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from repertoire.contract import Data, Plan
from repertoire.families.captioning.config import Config
from repertoire.families.captioning.network import Captioner
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, Tensor]


class CaptionLearner:
    """One AdamW step a batch of scenes; encoder and decoder learn together."""

    def __init__(self, network: Captioner, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.images = torch.from_numpy(arrays["images"])
        self.captions = torch.from_numpy(arrays["captions"].astype(np.int64))
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.images) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled full batches: uint8 images, and ids without columns of padding alone."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            rows = order[start : start + self.config.batch]
            captions = self.captions[rows]
            longest = int((captions != 0).sum(1).max())
            yield shifted(self.images[rows], rng, self.config.shift), captions[:, :longest]

    def step(self, batch: Batch) -> dict[str, float]:
        """Cross-entropy in nats a token, the end among them."""
        images, captions = batch
        logits = self.network(images, captions)
        loss = functional.cross_entropy(logits.flatten(0, 1), captions.flatten(), ignore_index=0)
        return {"loss_nats": loss.item(), **self.optimisation.step(loss)}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Captioner, config: Config, data: Data, plan: Plan) -> CaptionLearner:
    """A learner for pictures and their captions."""
    return CaptionLearner(network, config, data, plan)
