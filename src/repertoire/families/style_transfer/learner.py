"""The loss network's loss on crops of photographs, made small."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repertoire.config import RepertoireError
from repertoire.contract import Data, Plan
from repertoire.families.style_transfer.config import Config
from repertoire.families.style_transfer.network import StyleTransfer
from repertoire.nn.perceptual import scaled
from repertoire.training.optimisation import Optimisation


class StyleLearner:
    """One AdamW step a batch of crops, each from another place and perhaps mirrored."""

    def __init__(self, network: StyleTransfer, config: Config, data: Data, plan: Plan) -> None:
        self.network, self.config, self.plan = network, config, plan
        self.images = data.arrays("train")["images"]
        if config.crop > self.images.shape[1]:
            raise RepertoireError(
                f"crop: {config.crop} is more than the {self.images.shape[1]} pixels of a side"
            )
        style = torch.from_numpy(data.arrays("styles")[config.style])
        device = torch.get_default_device()
        network.loss_network.learn(data.arrays("loss_network"), scaled(style[None].to(device)))
        self.optimisation = Optimisation(
            network.stylist.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=0.0,
            warmup=config.warmup,
            steps=plan.epochs * config.steps,
            clip_norm=config.clip_norm,
        )

    def batches(self, epoch: int) -> Iterator[Tensor]:
        """uint8 crops (batch, crop, crop, 3) of photographs drawn anew for each."""
        rng = np.random.default_rng((self.plan.seed, epoch))
        side, free = self.config.crop, self.images.shape[1] - self.config.crop + 1
        for _ in range(self.config.steps):
            crops = []
            for row in rng.integers(0, len(self.images), self.config.batch):
                top, left = rng.integers(0, free, 2)
                crop = self.images[row, top : top + side, left : left + side]
                crops.append(crop[:, ::-1] if rng.integers(2) else crop)
            yield torch.from_numpy(np.stack(crops))

    def step(self, batch: Tensor) -> dict[str, float]:
        """The loss, its parts, and how much neighbouring pixels vary (mean square, of [0, 1])."""
        loss_network, photographs = self.network.loss_network, scaled(batch)
        with torch.no_grad():
            wanted = loss_network.content(photographs)
        pictures = self.network.stylist(photographs)
        content, style = loss_network(pictures, wanted)
        variation = (pictures.diff(dim=2) ** 2).mean() + (pictures.diff(dim=3) ** 2).mean()
        perceptual = loss_network.loss(content, style).mean()
        loss = perceptual + self.config.variation_weight * variation
        record = self.optimisation.step(loss)
        return {
            "perceptual_loss": perceptual.item(),
            "content_loss": content.mean().item(),
            "style_loss": style.mean().item(),
            "variation": variation.item(),
            **record,
        }

    def state_dict(self) -> dict[str, Any]:
        """Optimizer and schedule."""
        return self.optimisation.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.optimisation.load_state_dict(state)


def learner(network: StyleTransfer, config: Config, data: Data, plan: Plan) -> StyleLearner:
    """A learner for one style."""
    return StyleLearner(network, config, data, plan)
