"""The optimizer of one of two adversaries."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from repertoire.training.schedule import warmup_cosine


class Adversary:
    """Adam with half the usual momentum (Radford et al. 2016, section 3), half a cosine to 0.

    Isola et al. 2017 and Zhu et al. 2017 hold the rate and then lower it by a line; the cosine
    does the same without a number to choose.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], rate: float, steps: int) -> None:
        self.optimizer = torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True)
        self.schedule = warmup_cosine(self.optimizer, steps, 0.0)

    def step(self, loss: Tensor) -> None:
        """Go down the gradient of ``loss``."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()

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
