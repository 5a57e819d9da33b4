"""What the decoder is told of the source."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from repertoire.families.seq2seq.config import Config


def reversal(ids: Tensor) -> Tensor:
    """Places (batch, time) that reverse each row of ids and leave its padding (0) at the end."""
    length = (ids != 0).to(torch.int64).sum(1, keepdim=True)
    place = torch.ones_like(ids).cumsum(1) - 1
    return torch.where(place < length, length - 1 - place, place)


class Encoded(NamedTuple):
    """A source as the decoder sees it.

    ``memory`` (batch, time, width) holds the encoder's states in the order of the source,
    ``mask`` (batch, time) is true where the source has a token, and ``summary`` (batch, units) is
    the last state.
    """

    memory: Tensor
    mask: Tensor
    summary: Tensor


class Encoder(nn.Module):
    """A GRU over the source as it comes or backwards, or one in each direction.

    Backwards means that each row is reversed before it is read, so padding never comes before a
    token.
    """

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.reverse = config.reverse_source
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.ahead = nn.GRU(config.embedding, config.units, batch_first=True)
        self.back: nn.GRU | None = None
        self.bridge: nn.Linear | None = None
        if config.bidirectional:
            self.back = nn.GRU(config.embedding, config.units, batch_first=True)
            self.bridge = nn.Linear(2 * config.units, config.units)
        self.width = (1 + config.bidirectional) * config.units

    def forward(self, source: Tensor) -> Encoded:
        """source (batch, time) -> what the decoder needs of it."""
        order = reversal(source)
        last = (source != 0).to(torch.int64).sum(1).clamp(min=1) - 1
        place = last.view(-1, 1, 1)
        first = source.gather(1, order) if self.reverse else source
        memory, _ = self.ahead(self.dropout(self.embedding(first)))
        end = memory.gather(1, place.expand(-1, 1, memory.shape[2]))
        if self.back is not None and self.bridge is not None:
            back, _ = self.back(self.dropout(self.embedding(first.gather(1, order))))
            end = torch.cat((end, back.gather(1, place.expand(-1, 1, back.shape[2]))), dim=2)
            end = torch.tanh(self.bridge(end))
            back = back.gather(1, order.unsqueeze(2).expand_as(back))
            memory = torch.cat((memory, back), dim=2)
        if self.reverse:
            memory = memory.gather(1, order.unsqueeze(2).expand_as(memory))
        return Encoded(self.dropout(memory), source != 0, end.squeeze(1))
