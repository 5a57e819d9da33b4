"""The reparameterised bound, maximised."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from repertoire.contract import Data, Plan
from repertoire.families.variational_autoencoder.codes import measured
from repertoire.families.variational_autoencoder.config import Config
from repertoire.families.variational_autoencoder.network import Vae
from repertoire.kinds.images.binarisation import drawn
from repertoire.nn.images import shifted
from repertoire.training.optimisation import Optimisation

Batch = tuple[Tensor, ...]  # images, and labels where they are told


class VaeLearner:
    """One AdamW step a batch of images, each moved by a few pixels."""

    def __init__(self, network: Vae, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        arrays = data.arrays("train")
        grey = config.binarisation == "dynamic"
        images = arrays["images"] if grey else measured(config, arrays["images"], "train")
        self.images = torch.from_numpy(images)
        if config.conditional:
            self.labels = torch.from_numpy(arrays["labels"].astype(np.int64))
        self.optimisation = Optimisation(
            network.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup=config.warmup,
            steps=plan.epochs * (len(self.images) // config.batch),
            clip_norm=None,
        )

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Shuffled full batches of uint8 images, and of their labels where they are told."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        order = torch.from_numpy(rng.permutation(len(self.images)))
        for start in range(0, len(order) - self.config.batch + 1, self.config.batch):
            places = order[start : start + self.config.batch]
            images = shifted(self.images[places], rng, self.config.shift)
            if self.config.binarisation == "dynamic":
                images = torch.from_numpy(drawn(images.numpy(), rng))
            yield (images, self.labels[places]) if self.config.conditional else (images,)

    def step(self, batch: Batch) -> dict[str, float]:
        """The negative objective and its parts, nats an image."""
        values = self.network.values(batch[0])
        labels = batch[1] if self.config.conditional else None
        noise = torch.randn(len(values), self.config.training_samples, self.config.latent)
        if self.config.objective == "iwae":
            loss, record = self._importance_weighted(values, noise, labels)
        else:
            loss, record = self._evidence(values, noise, labels)
        self.optimisation.step(loss)
        return {"loss_nats": loss.item(), **record}

    def _evidence(
        self, values: Tensor, noise: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, dict[str, float]]:
        logits, mean, log_variance = self.network.draw(values, noise, labels)
        reconstruction = self._reconstruction(logits, values, noise.shape[1])
        held = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
        divergence = held.sum(1).mean()
        # The larger of the two in each number of the code (free bits, Kingma et al. 2016).
        unused = (self.config.free_bits - held.mean(0)).clamp(min=0).sum()
        loss = reconstruction + self.config.beta * (divergence + unused)
        parts = {"reconstruction_nats": reconstruction, "divergence_nats": divergence}
        return loss, {name: part.item() for name, part in parts.items()}

    def _reconstruction(self, logits: Tensor, values: Tensor, draws: int) -> Tensor:
        """-log p(x|z) in nats, the mean over images and draws."""
        if not self.network.binary:
            return -self.network.log_likelihood(logits, values, draws).mean()
        targets = values.expand(-1, draws, -1, -1).flatten(0, 1).unsqueeze(1)
        return cross_entropy(logits, targets, reduction="sum") / len(targets)

    def _importance_weighted(
        self, values: Tensor, noise: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, dict[str, float]]:
        weights = torch.stack(self.network.log_weight(values, noise, labels)).sum(0)
        # Log-mean-exp over the draws (Burda et al. 2016, section 3).
        tighter = torch.logsumexp(weights, dim=1) - math.log(noise.shape[1])
        return -tighter.mean(), {"negative_elbo_nats": -weights.mean().item()}

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: Vae, config: Config, data: Data, plan: Plan) -> VaeLearner:
    """A learner for images."""
    return VaeLearner(network, config, data, plan)
