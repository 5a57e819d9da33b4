"""Encoder, attention, decoder, and the two graphs they are exported as."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.seq2seq.config import Config


def reversal(ids: Tensor) -> Tensor:
    """Places (batch, time) that reverse each row of ids and leave its padding (0) at the end."""
    length = (ids != 0).to(torch.int64).sum(1, keepdim=True)
    place = torch.ones_like(ids).cumsum(1) - 1
    return torch.where(place < length, length - 1 - place, place)


class Encoder(nn.Module):
    """Two GRUs, one over the reversed source: padding never comes before a token."""

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.ahead = nn.GRU(config.embedding, config.units, batch_first=True)
        self.back = nn.GRU(config.embedding, config.units, batch_first=True)
        self.bridge = nn.Linear(2 * config.units, config.units)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """source (batch, time) -> memory (batch, time, 2 units), start state (1, batch, units)."""
        order = reversal(source)
        ahead, _ = self.ahead(self.dropout(self.embedding(source)))
        back, _ = self.back(self.dropout(self.embedding(source.gather(1, order))))
        last = (source != 0).to(torch.int64).sum(1).clamp(min=1) - 1
        place = last.view(-1, 1, 1).expand(-1, 1, ahead.shape[2])
        ends = torch.cat((ahead.gather(1, place), back.gather(1, place)), dim=2)
        back = back.gather(1, order.unsqueeze(2).expand_as(back))
        memory = torch.cat((ahead, back), dim=2)
        return self.dropout(memory), torch.tanh(self.bridge(ends)).transpose(0, 1).contiguous()


class Decoder(nn.Module):
    """GRU over target tokens; each of its states attends to the memory."""

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.dropout = nn.Dropout(config.dropout)
        self.gru = nn.GRU(config.embedding, config.units, batch_first=True)
        self.query = nn.Linear(config.units, 2 * config.units, bias=False)
        self.combine = nn.Linear(3 * config.units, config.units)
        self.output = nn.Linear(config.units, vocabulary)

    def forward(
        self, tokens: Tensor, state: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """tokens (batch, time) -> logits (batch, time, vocabulary), attention, new state.

        ``mask`` (batch, source time) is true where the source has a token; attention is
        (batch, time, source time) and sums to 1 over them.
        """
        hidden, state = self.gru(self.dropout(self.embedding(tokens)), state)
        energy = torch.bmm(self.query(hidden), memory.transpose(1, 2))
        energy = energy.masked_fill(~mask.unsqueeze(1), -1e9)
        attention = torch.softmax(energy, dim=2)
        context = torch.bmm(attention, memory)
        combined = torch.tanh(self.combine(torch.cat((hidden, context), dim=2)))
        return self.output(self.dropout(combined)), attention, state


class Seq2Seq(nn.Module):
    """Encoder and decoder. The decoder starts from the end token."""

    def __init__(self, config: Config, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self.end: int = facts["end"]
        self.encoder = Encoder(facts["source_vocabulary"], config)
        self.decoder = Decoder(facts["target_vocabulary"], config)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher forcing: logits (batch, target time, vocabulary) and attention."""
        memory, state = self.encoder(source)
        start = torch.full_like(target[:, :1], self.end)
        fed = torch.cat((start, target[:, :-1]), dim=1)
        logits, attention, _ = self.decoder(fed, state, memory, source != 0)
        return logits, attention


class Score(nn.Module):
    """Log-probability of every target token, and where the decoder looked for it."""

    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        logits, attention = self.network(source, target)
        log_probs = torch.log_softmax(logits, dim=2)
        return log_probs.gather(2, target.unsqueeze(2)).squeeze(2), attention


class GreedyLoop(nn.Module):
    """The most probable token again and again; scripted, so that it becomes one ONNX Loop."""

    def __init__(self, decoder: Decoder, end: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.end = end

    def forward(
        self, state: Tensor, memory: Tensor, mask: Tensor, max_length: Tensor
    ) -> tuple[Tensor, Tensor]:
        token = torch.full_like(mask[:, :1].to(torch.int64), self.end)
        tokens = token[:, :0]
        alive = torch.ones_like(token)
        total = torch.zeros_like(memory[:, 0, 0])
        step = torch.zeros_like(max_length)
        while bool((step < max_length) & (alive.sum() > 0)):
            logits, _, state = self.decoder(token, state, memory, mask)
            best, chosen = torch.log_softmax(logits[:, 0], dim=1).max(dim=1)
            token = chosen.unsqueeze(1) * alive
            tokens = torch.cat((tokens, token), dim=1)
            total = total + best * alive[:, 0].to(best.dtype)
            alive = alive * (token != self.end).to(torch.int64)
            step = step + 1
        return tokens, total


class Translate(nn.Module):
    """Ids to ids in one call."""

    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        self.encoder = network.encoder
        self.loop = GreedyLoop(network.decoder, network.end)

    def forward(self, source: Tensor, max_length: Tensor) -> tuple[Tensor, Tensor]:
        memory, state = self.encoder(source)
        return self.loop(state, memory, source != 0, max_length)


def build(config: Config, facts: Mapping[str, Any]) -> Seq2Seq:
    """The net for the vocabularies of both sides."""
    return Seq2Seq(config, facts)


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``translate`` decodes greedily; ``score`` judges a given target and shows its attention."""
    assert isinstance(network, Seq2Seq)
    source = Port("source", "int64", ("batch", "source_time"), 0, facts["source_vocabulary"] - 1)
    target = Port("target", "int64", ("batch", "target_time"), 0, facts["target_vocabulary"] - 1)
    return (
        Graph(
            "translate",
            torch.jit.script(Translate(network)),
            (source, Port("max_length", "int64", (), 1, 512)),
            (
                Port("tokens", "int64", ("batch", "decoded_time")),
                Port("log_prob", "float32", ("batch",)),
            ),
        ),
        Graph(
            "score",
            Score(network),
            (source, target),
            (
                Port("log_probs", "float32", ("batch", "target_time")),
                Port("attention", "float32", ("batch", "target_time", "source_time")),
            ),
        ),
    )
