"""Teacher forcing on captions; scenes are moved by a few pixels, features of photographs given."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from repertoire.config import RepertoireError
from repertoire.contract import Data, Plan
from repertoire.families.captioning.config import Config, seen_in
from repertoire.families.captioning.encoder import FrozenEncoder
from repertoire.families.captioning.network import Captioner
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, Tensor]


class CaptionLearner:
    """One AdamW step a batch of pictures, each with one of its captions.

    Encoder and decoder learn together, but for an encoder of photographs, which comes with the data
    and stays as it is.
    """

    def __init__(self, network: Captioner, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        self.pictures = torch.from_numpy(arrays[seen_in(arrays)])
        captions = torch.from_numpy(arrays["captions"].astype(np.int64))
        self.captions = captions.view(len(captions), -1, captions.shape[-1])
        # An image that has fewer captions than another has rows of padding alone.
        self.pairs = (self.captions != 0).any(2).flatten().nonzero().flatten()
        if len(self.pairs) < config.batch:
            raise RepertoireError(
                f"batch: {config.batch} is more than the {len(self.pairs)} training captions"
            )
        if isinstance(network.encoder, FrozenEncoder):
            known = {name: torch.from_numpy(v) for name, v in data.arrays("encoder").items()}
            network.encoder.photographs.load_state_dict(known)
        self.optimisation = Optimisation(
            [p for p in network.parameters() if p.requires_grad],
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.pairs) // config.batch),
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled full batches: images or features, and ids without columns of padding alone."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        several = self.captions.shape[1]
        order = self.pairs[torch.from_numpy(rng.permutation(len(self.pairs)))]
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            pairs = order[start : start + self.config.batch]
            rows = pairs // several
            captions = self.captions[rows, pairs % several]
            longest = int((captions != 0).sum(1).max())
            yield shifted(self.pictures[rows], rng, self.config.shift), captions[:, :longest]

    def step(self, batch: Batch) -> dict[str, float]:
        """Cross-entropy in nats per token, the end among them."""
        pictures, captions = batch
        encoder = self.network.encoder
        if isinstance(encoder, FrozenEncoder):
            features = encoder.mapped(pictures.to(torch.float32))
        else:
            features = encoder(pictures)
        logits = self.network.told(features, captions)
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
