"""How well each encoder state answers a decoder state (Luong et al. 2015, equation 8)."""

import torch
from torch import Tensor, nn

from repertoire.families.seq2seq.config import Config


class Dot(nn.Module):
    """Their inner product."""

    def keys(self, memory: Tensor) -> Tensor:
        """What decoder states are compared with; computed once a source."""
        return memory

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """hidden (batch, time, units), keys (batch, source time, …) -> (batch, time, source)."""
        return torch.bmm(hidden, keys.transpose(1, 2))


class General(nn.Module):
    """Their inner product by a learned matrix."""

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(units, width, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """As of ``Dot``."""
        return memory

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """As of ``Dot``."""
        return torch.bmm(self.query(hidden), keys.transpose(1, 2))


class Additive(nn.Module):
    """A net of one hidden layer over both (Bahdanau et al. 2015, appendix A.1.2)."""

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(units, units, bias=False)
        self.key = nn.Linear(width, units)
        self.energy = nn.Linear(units, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """As of ``Dot``."""
        return self.key(memory)

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """As of ``Dot``."""
        both = torch.tanh(self.query(hidden).unsqueeze(2) + keys.unsqueeze(1))
        return self.energy(both).squeeze(3)


def scorer(config: Config, width: int) -> Dot | General | Additive | None:
    """The module that scores; ``width`` is that of the encoder's states."""
    if config.attention == "dot":
        return Dot()
    if config.attention == "general":
        return General(config.units, width)
    return Additive(config.units, width) if config.attention == "additive" else None
