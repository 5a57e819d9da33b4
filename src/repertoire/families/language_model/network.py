"""The nets, and the three graphs they are exported as."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from repertoire.config import ConfigError
from repertoire.contract import Graph, Port
from repertoire.families.language_model.config import Config, state_ports
from repertoire.families.language_model.cores import CORES, Recurrent
from repertoire.kinds.running_text.facts import Facts
from repertoire.nn.adaptive import AdaptiveSoftmax, TiedAdaptiveSoftmax
from repertoire.nn.locked import locked_dropout
from repertoire.nn.softmax import linear_cross_entropy

CANDIDATES = 10  # continuations that the graph ``next`` lists


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
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.output = _output(config, width, self.embedding)

    def _embed(self, tokens: Tensor) -> Tensor:
        # Scaled up (Vaswani et al. 2017, section 3.4): weights that suit the output layer are so
        # small as inputs that gated nets stay at the unigram for hundreds of steps.
        vectors = self.dropout(self.embedding(tokens) * self.config.embedding**0.5)
        if self.training and (rates := self.config.regularisation):
            kept = torch.ones_like(self.embedding.weight[:, :1])
            vectors = vectors * nn.functional.dropout(kept, rates.words)[tokens]
            vectors = locked_dropout(vectors, rates.inputs)
        return vectors

    def hidden(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> what the core says (batch, time, units), states."""
        return self.core(tokens, self._embed, *states)

    def read(self, hidden: Tensor) -> Tensor:
        """(batch, time, units) -> what the output layer reads (batch, time, width)."""
        features = self.dropout(self.bridge(hidden))
        if self.training and (rates := self.config.regularisation):
            features = locked_dropout(features, rates.outputs)
        return features

    def features(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """tokens (batch, time) -> what the output layer reads (batch, time, width), states."""
        hidden, states = self.hidden(tokens, *states)
        return self.read(hidden), states

    def log_probs(self, features: Tensor) -> Tensor:
        """(rows, width) -> log-probability of every token (rows, vocabulary)."""
        given = self.output(features)
        return given if self.config.cutoffs else torch.log_softmax(given, dim=-1)

    def loss(self, features: Tensor, targets: Tensor, precision: torch.dtype) -> Tensor:
        """Mean cross-entropy in nats of (rows, width) against targets (rows,)."""
        if isinstance(self.output, AdaptiveSoftmax):
            return self.output.loss(features, targets, precision)
        assert isinstance(self.output, nn.Linear)
        weight, bias = self.output.weight, self.output.bias
        return linear_cross_entropy(features, weight, bias, targets, precision)


def _output(config: Config, width: int, embedding: nn.Embedding) -> nn.Module:
    """The map to the vocabulary: full or an adaptive softmax, over the embedding if tied."""
    vocabulary = embedding.num_embeddings
    if config.cutoffs:
        try:
            if config.tied:
                return TiedAdaptiveSoftmax(embedding.weight, config.cutoffs)
            return AdaptiveSoftmax(width, vocabulary, config.cutoffs)
        except ValueError as error:
            raise ConfigError(f"config.cutoffs: {error}") from None
    full = nn.Linear(width, vocabulary)
    nn.init.uniform_(full.weight, -0.1, 0.1)
    nn.init.zeros_(full.bias)
    if config.tied:
        full.weight = embedding.weight
    return full


class Score(nn.Module):
    """Log-probability of each target: a scoring client never sees the whole vocabulary."""

    def __init__(self, network: LanguageModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor, targets: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, states = self.network.features(tokens, *states)
        # Two axes, because ONNX has a faster product for them than for three.
        log_probs = self.network.log_probs(features.flatten(0, 1))
        chosen = log_probs.gather(1, targets.reshape(-1, 1))
        return (chosen.view(targets.shape), *states)


class Next(nn.Module):
    """Distribution of the token after the last, and its most probable continuations."""

    def __init__(self, network: LanguageModel) -> None:
        super().__init__()
        self.network = network
        self.count = shown(network.embedding.num_embeddings)

    def forward(self, tokens: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, states = self.network.features(tokens, *states)
        log_probs = self.network.log_probs(features[:, -1])
        top_log_probs, top_ids = log_probs.topk(self.count, dim=-1)
        return (log_probs, top_ids, top_log_probs, *states)


class Sample(nn.Module):
    """Draw a token by temperature, top-k (Fan et al. 2018) and nucleus (Holtzman et al. 2020).

    Temperature 0 is greedy, top_k 0 and top_p 1 are off; the likeliest token is always kept, so
    that top_p 0 is greedy, too. The random number comes from the
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
        nucleus = (before < top_p.unsqueeze(1)) | (rank == 0)
        kept = probs * (nucleus & (rank < limit)).to(probs.dtype)
        cumulated = kept.cumsum(1)
        threshold = uniform.unsqueeze(1) * cumulated[:, -1:]
        place = (cumulated <= threshold).to(torch.int64).sum(1, keepdim=True)
        place = torch.minimum(place, (kept > 0).to(torch.int64).sum(1, keepdim=True) - 1)
        place = torch.where(temperature.unsqueeze(1) > 0, place, torch.zeros_like(place))
        return ids.gather(1, place).squeeze(1)


def shown(vocabulary: int) -> int:
    """How many continuations a list holds."""
    return min(CANDIDATES, vocabulary)


def build(config: Config, facts: Facts) -> LanguageModel:
    """The net for a vocabulary of ``facts["vocabulary"]`` tokens."""
    return LanguageModel(config, facts["vocabulary"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
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
    top = shown(facts["vocabulary"])
    leading = (
        Port("top_ids", "int64", ("batch", top)),
        Port("top_log_probs", "float32", ("batch", top)),
    )
    return (
        Graph("score", Score(network), (tokens, targets, *before), (chosen, *after), feedback),
        Graph(
            "next",
            Next(network),
            (tokens, *before),
            (every, *leading, *after),
            feedback,
            ranked={"top_ids": "top_log_probs"},
        ),
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
