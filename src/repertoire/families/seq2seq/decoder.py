"""From the source's states to logits of target tokens."""

from typing import Final

import torch
from torch import Tensor, nn

from repertoire.families.seq2seq.attention import scorer
from repertoire.families.seq2seq.config import Config
from repertoire.families.seq2seq.encoder import Encoded


class Decoder(nn.Module):
    """GRU over target tokens; each of its states may attend to the memory.

    A peeky one sees the summary of the source beside each token and beside each of its states.
    """

    peeky: Final[bool]

    def __init__(self, vocabulary: int, config: Config, width: int) -> None:
        super().__init__()
        self.peeky = config.peeky
        seen = config.units if config.peeky else 0
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.embedding + seen, config.units, batch_first=True)
        self.scorer = scorer(config, width)
        self.combine: nn.Linear | None = None
        if self.scorer is not None:
            self.combine = nn.Linear(config.units + width, config.units)
        self.output = nn.Linear(config.units + seen, vocabulary)

    def keys(self, memory: Tensor) -> Tensor:
        """What ``forward`` compares its states with; computed once a source."""
        if self.scorer is None:
            return memory
        keys: Tensor = self.scorer.keys(memory)
        return keys

    def forward(
        self, tokens: Tensor, state: Tensor, source: Encoded, keys: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """tokens (rows, time) -> logits (rows, time, vocabulary), attention, new state.

        Rows are those of ``state`` and of the summary: one or several hypotheses of each source,
        side by side. Attention is (batch, hypotheses x time, source time) and sums to 1 over the
        source's tokens; without attention it has no columns.
        """
        vectors = self.dropout(self.embedding(tokens))
        hidden, state = self.gru(self._joined(vectors, source.summary), state)
        features, attention = self._attend(hidden, source, keys)
        logits = self.output(self._joined(self.dropout(features), source.summary))
        return logits, attention, state

    def _joined(self, vectors: Tensor, summary: Tensor) -> Tensor:
        if self.peeky:
            summary = summary.unsqueeze(1).expand(-1, vectors.shape[1], -1)
            return torch.cat((vectors, summary), dim=2)
        return vectors

    def _attend(self, hidden: Tensor, source: Encoded, keys: Tensor) -> tuple[Tensor, Tensor]:
        if self.scorer is None or self.combine is None:
            return hidden, hidden[:, :, :0]
        asked = hidden.reshape(keys.shape[0], -1, hidden.shape[2])
        energy = self.scorer(asked, keys).masked_fill(~source.mask.unsqueeze(1), -1e9)
        attention = torch.softmax(energy, dim=2)
        context = torch.bmm(attention, source.memory)
        features = torch.tanh(self.combine(torch.cat((asked, context), dim=2)))
        return features.reshape(hidden.shape), attention
