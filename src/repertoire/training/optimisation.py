"""The usual optimizer: AdamW, linear warm-up, half a cosine, clipped gradients."""

from typing import Any

import torch
from torch import Tensor

from repertoire.training.process import clip_gradients
from repertoire.training.schedule import warmup_cosine


class Optimisation:
    """One optimizer over parameter groups and its schedule.

    AdamW: Loshchilov and Hutter 2019. ``clip_norm`` bounds the joint norm of the gradients;
    None leaves them alone.
    """

    def __init__(
        self,
        parameters: Any,
        *,
        learning_rate: float,
        weight_decay: float,
        warmup: float,
        steps: int,
        clip_norm: float | None,
    ) -> None:
        self.optimizer = torch.optim.AdamW(
            parameters, lr=learning_rate, weight_decay=weight_decay, fused=True
        )
        self.schedule = warmup_cosine(self.optimizer, steps, warmup)
        self.clip_norm = clip_norm

    def step(self, loss: Tensor) -> dict[str, float]:
        """Go down the gradient of ``loss``; returns the gradients' norm before clipping, if any."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        record = {}
        if self.clip_norm is not None:
            groups = self.optimizer.param_groups
            parameters = [p for group in groups for p in group["params"]]
            record["gradient_norm"] = clip_gradients(parameters, self.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        return record

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
