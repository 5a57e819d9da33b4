"""Translations of some time ago, which a discriminator should not forget."""

from typing import Any

import torch
from torch import Tensor

from repertoire.config import RepertoireError


class PastPictures:
    """Up to ``size`` pictures, half of what is given in exchanged for earlier ones.

    Shrivastava et al. 2017, section 2.3, in the form of Zhu et al. 2017: until it is full, every
    picture is kept and given back; then each is, at even chances, given back at once, or kept in
    the place of an earlier one that is given back instead. A size of 0 gives all back at once.
    Draws are from PyTorch's generator of the CPU, whose state is part of every checkpoint.
    """

    def __init__(self, size: int, batch: int) -> None:
        if 0 < size < batch:
            raise RepertoireError(f"past: {size} is less than the batch of {batch}; keep more")
        self.size = size
        self.pictures = torch.empty(0)

    def exchange(self, fresh: Tensor) -> Tensor:
        """As many pictures as given (batch, …), none of them with a gradient."""
        if self.size == 0:
            return fresh
        held = len(self.pictures)
        room = min(self.size - held, len(fresh))
        if room:
            kept = fresh[:room].clone()
            self.pictures = torch.cat((self.pictures, kept)) if held else kept
        rest = fresh[room:]
        if not len(rest):
            return fresh
        places = torch.randperm(self.size, device="cpu")[: len(rest)].to(fresh.device)
        swapped = (torch.rand(len(rest), device="cpu") < 0.5).to(fresh.device)
        earlier = self.pictures[places]
        self.pictures[places[swapped]] = rest[swapped]
        chosen = torch.where(swapped.view(-1, *[1] * (fresh.dim() - 1)), earlier, rest)
        return torch.cat((fresh[:room], chosen))

    def state_dict(self) -> dict[str, Any]:
        """The pictures that are kept."""
        return {"pictures": self.pictures}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where ``state_dict`` was taken."""
        self.pictures = state["pictures"].to(torch.get_default_device())
