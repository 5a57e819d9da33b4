"""The nets, and the three graphs they are exported as."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.language_model.config import Config, state_ports

CANDIDATES = 10  # continuations that the graph ``next`` lists


class FixedWindow(nn.Module):
    """Feed-forward net over the last ``window`` embeddings, in order.

    Its state is the last ``window - 1`` token ids.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window = config.window
        self.hidden = nn.Linear(config.window * config.embedding, config.units)

    def forward(
        self, tokens: Tensor, embed: nn.Module, context: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new context."""
        ids = torch.cat((context, tokens), dim=1)
        # The first layer as a convolution over time: each embedding is looked up once.
        vectors = embed(ids).transpose(1, 2)
        weight = self.hidden.weight.view(self.hidden.out_features, self.window, -1)
        hidden = nn.functional.conv1d(vectors, weight.transpose(1, 2), self.hidden.bias)
        return torch.tanh(hidden).transpose(1, 2), (ids[:, tokens.shape[1] :],)


class Bag(nn.Module):
    """The mean of the last ``window`` embeddings, whose order is lost.

    CBOW (Mikolov et al. 2013, section 3.1) with the words before as its only context.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.window = config.window
        self.hidden = nn.Linear(config.embedding, config.units)

    def forward(
        self, tokens: Tensor, embed: nn.Module, context: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new context."""
        ids = torch.cat((context, tokens), dim=1)
        means = nn.functional.avg_pool1d(embed(ids).transpose(1, 2), self.window, stride=1)
        return torch.tanh(self.hidden(means.transpose(1, 2))), (ids[:, tokens.shape[1] :],)


class Recurrent(nn.Module):
    """Stacked recurrent layers; states are ``hidden`` and, for the LSTM, ``cell``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind = config.cell
        self.units = config.units
        between = config.dropout if config.layers > 1 else 0.0
        size = (config.embedding, config.units, config.layers)
        if self.kind == "lstm":
            self.net: nn.RNNBase = nn.LSTM(*size, batch_first=True, dropout=between)
        elif self.kind == "gru":
            self.net = nn.GRU(*size, batch_first=True, dropout=between)
        else:
            shape = "tanh" if self.kind == "tanh" else "relu"
            self.net = nn.RNN(*size, nonlinearity=shape, batch_first=True, dropout=between)
        self._initialise(config)

    def _initialise(self, config: Config) -> None:
        for name, weight in self.net.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
                if self.kind == "lstm" and "bias_ih" in name:
                    # Gates i, f, g, o: an open forget gate lets gradients pass at the start
                    # (Jozefowicz et al. 2015).
                    nn.init.ones_(weight[self.units : 2 * self.units])
            elif "weight_hh" in name and self.kind == "relu_identity":
                # Below 1, because a carried state would grow without end (Le et al. 2015, 4.4).
                weight.data.copy_(config.identity * torch.eye(len(weight)))
            elif self.kind == "relu_identity":
                nn.init.normal_(weight, std=0.01)
            else:
                initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
                # Gate by gate: over all gates at once each would start with half the signal.
                for gate in weight.data.split(self.units):
                    initialise(gate)

    def forward(
        self, tokens: Tensor, embed: nn.Module, *states: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> features (batch, time, units) and the new states."""
        start = states if self.kind == "lstm" else states[0]
        features, end = self.net(embed(tokens), start)
        return features, tuple(end) if self.kind == "lstm" else (end,)


CORES: dict[str, type[nn.Module]] = {"feedforward": FixedWindow, "bag": Bag}


class LanguageModel(nn.Module):
    """Embedding, core, and a linear map to the vocabulary (tied to the embedding if asked)."""

    def __init__(self, config: Config, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.core = CORES.get(config.cell, Recurrent)(config)
        self.dropout = nn.Dropout(config.dropout)
        width = config.embedding if config.tied else config.units
        bridged = config.tied and config.units != config.embedding
        self.bridge = nn.Linear(config.units, width) if bridged else nn.Identity()
        self.output = nn.Linear(width, vocabulary)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.output.weight, -0.1, 0.1)
        nn.init.zeros_(self.output.bias)
        if config.tied:
            self.output.weight = self.embedding.weight

    def _embed(self, tokens: Tensor) -> Tensor:
        # Scaled up (Vaswani et al. 2017, section 3.4): weights that suit the output layer are so
        # small as inputs that gated nets stay at the unigram for hundreds of steps.
        return self.dropout(self.embedding(tokens) * self.config.embedding**0.5)

    def features(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> what the output layer reads (batch, time, width), states."""
        hidden, states = self.core(tokens, self._embed, *states)
        return self.dropout(self.bridge(hidden)), states


class Score(nn.Module):
    """Log-probability of each target: a scoring client never sees the whole vocabulary."""

    def __init__(self, network: LanguageModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, targets: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, states = self.network.features(tokens, *states)
        # Two axes, because ONNX has a faster product for them than for three.
        log_probs = torch.log_softmax(self.network.output(features.flatten(0, 1)), dim=-1)
        chosen = log_probs.gather(1, targets.reshape(-1, 1))
        return (chosen.view(targets.shape), *states)


class Next(nn.Module):
    """Distribution of the token after the last, and its most probable continuations."""

    def __init__(self, network: LanguageModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, states = self.network.features(tokens, *states)
        log_probs = torch.log_softmax(self.network.output(features[:, -1]), dim=-1)
        top_log_probs, top_ids = log_probs.topk(CANDIDATES, dim=-1)
        return (log_probs, top_ids, top_log_probs, *states)


class Sample(nn.Module):
    """Draw a token by temperature, top-k (Fan et al. 2018) and nucleus (Holtzman et al. 2020).

    Temperature 0 is greedy, top_k 0 and top_p 1 are off. The random number comes from the
    client, because random operators of onnxruntime are seeded once a session.
    """

    def forward(
        self, log_probs: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor, uniform: Tensor
    ) -> Tensor:
        scaled = log_probs / temperature.clamp(min=1e-4).unsqueeze(1)
        ordered, ids = scaled.topk(log_probs.shape[1], dim=1)
        probs = torch.softmax(ordered, dim=1)
        before = probs.cumsum(1) - probs
        rank = torch.ones_like(ids).cumsum(1) - 1
        limit = torch.where(top_k > 0, top_k, torch.full_like(top_k, 2**31)).unsqueeze(1)
        kept = probs * ((before < top_p.unsqueeze(1)) & (rank < limit)).to(probs.dtype)
        cumulated = kept.cumsum(1)
        threshold = uniform.unsqueeze(1) * cumulated[:, -1:]
        place = (cumulated <= threshold).to(torch.int64).sum(1, keepdim=True)
        place = torch.minimum(place, (kept > 0).to(torch.int64).sum(1, keepdim=True) - 1)
        place = torch.where(temperature.unsqueeze(1) > 0, place, torch.zeros_like(place))
        return ids.gather(1, place).squeeze(1)


def build(config: Config, facts: Mapping[str, Any]) -> LanguageModel:
    """The net for a vocabulary of ``facts["vocabulary"]`` tokens."""
    return LanguageModel(config, facts["vocabulary"])


def graphs(network: nn.Module, facts: Mapping[str, Any]) -> tuple[Graph, ...]:
    """``score`` for whole texts, ``next`` for one step, ``sample`` for the draw."""
    assert isinstance(network, LanguageModel)
    highest = facts["vocabulary"] - 1
    ports = state_ports(network.config)
    before = tuple(replace(p, low=0, high=highest) if p.dtype == "int64" else p for p in ports)
    after = tuple(Port(f"next_{p.name}", p.dtype, p.shape) for p in before)
    feedback = {out.name: into.name for out, into in zip(after, before, strict=True)}
    tokens = Port("tokens", "int64", ("batch", "time"), 0, highest)
    targets = Port("targets", "int64", ("batch", "time"), 0, highest)
    chosen = Port("log_probs", "float32", ("batch", "time"))
    every = Port("log_probs", "float32", ("batch", facts["vocabulary"]))
    top = min(CANDIDATES, facts["vocabulary"])
    leading = (
        Port("top_ids", "int64", ("batch", top)),
        Port("top_log_probs", "float32", ("batch", top)),
    )
    return (
        Graph("score", Score(network), (tokens, targets, *before), (chosen, *after), feedback),
        Graph("next", Next(network), (tokens, *before), (every, *leading, *after), feedback),
        Graph(
            "sample",
            Sample(),
            (
                every,
                Port("temperature", "float32", ("batch",), 0, 100),
                Port("top_k", "int64", ("batch",), 0, facts["vocabulary"]),
                Port("top_p", "float32", ("batch",), 0, 1),
                Port("uniform", "float32", ("batch",), 0, 1),
            ),
            (Port("token", "int64", ("batch",)),),
        ),
    )
