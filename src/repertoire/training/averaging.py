"""A running average of weights, which is what ships."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Averaged(Generic[Network]):
    """Trains a copy of ``network`` and keeps in ``network`` itself an average of its weights.

    An exponential average of Adam's weights in place of the NT-ASGD of Merity et al. 2018
    (section 5): that one waits for the validation loss to stall at a constant rate of plain SGD,
    over hundreds of epochs, while this one needs neither and is as good a model at any epoch, so
    the same validation chooses among epochs (Tarvainen and Valpola 2017; Izmailov et al. 2018 for
    why averages generalise). The decay rises from 0 to ``decay``, or the average would long
    remember the start.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.trained: Network = copy.deepcopy(network)
        self.decay, self.steps = decay, 0
        self.pairs = [
            (average.detach(), weight.detach())
            for average, weight in zip(network.parameters(), self.trained.parameters(), strict=True)
        ]

    def step(self) -> None:
        """Move the averages towards the weights, after each update of them."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 9))
        averages, weights = (list(side) for side in zip(*self.pairs, strict=True))
        torch._foreach_lerp_(averages, weights, 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """The weights that are trained; the averages are the network's own state."""
        state: dict[str, Tensor] = self.trained.state_dict()
        return {"trained": state, "averaged_steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.trained.load_state_dict(state["trained"])
        self.steps = state["averaged_steps"]
