"""Encoder and decoder with a vector between them, and the graphs they are exported as."""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.contract import Graph, Port
from repertoire.families.sentence_vectors.config import Config
from repertoire.kinds.sentences.facts import Facts

NEAREST = 10  # sentences that the graph lists
VERIFIED = 16  # tokens that are compared with PyTorch at most


def reversal(tokens: Tensor, length: Tensor) -> Tensor:
    """Places (batch, time) that reverse each row's ``length`` tokens; padding stays at the end."""
    place = torch.ones_like(tokens).cumsum(1) - 1
    return torch.where(place < length, length - 1 - place, place)


class Decoder(nn.Module):
    """GRU over the words before; sees the vector at its start and beside each of them."""

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.gru = nn.GRU(config.embedding + config.width, config.width, batch_first=True)
        self.output = nn.Linear(config.width, vocabulary)

    def forward(self, tokens: Tensor, vectors: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """tokens (batch, time), vectors (batch, width) -> features of each step, new state."""
        beside = vectors.unsqueeze(1).expand(-1, tokens.shape[1], -1)
        hidden, state = self.gru(torch.cat((self.embedding(tokens), beside), dim=2), state)
        return hidden, state


class SentenceVectors(nn.Module):
    """The vector is the encoder's last state; padding (0) never changes it.

    The encoder reads backwards (Sutskever et al. 2014, section 3.3), so that the first words,
    which are written first, are the freshest.
    """

    known: Tensor

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.width, self.end = config.width, int(facts["end"])
        self.embedding = nn.Embedding(facts["vocabulary"], config.embedding, padding_idx=0)
        self.gru = nn.GRU(config.embedding, config.width, batch_first=True)
        self.decoder = Decoder(facts["vocabulary"], config)
        rows = facts["known_ids"]
        known = np.zeros((len(rows), max(map(len, rows))), np.int64)
        for index, row in enumerate(rows):
            known[index, : len(row)] = row
        self.register_buffer("known", torch.from_numpy(known), persistent=False)

    def vectors(self, tokens: Tensor) -> Tensor:
        """tokens (batch, time) -> (batch, width), each part between -1 and 1."""
        length = (tokens != 0).to(torch.int64).sum(1, keepdim=True)
        hidden, _ = self.gru(self.embedding(tokens.gather(1, reversal(tokens, length))))
        last = (length.clamp(min=1) - 1).unsqueeze(2)
        return hidden.gather(1, last.expand(-1, 1, self.width)).squeeze(1)

    def features(self, told: Tensor, vectors: Tensor) -> Tensor:
        """told (batch, time): the words before each step -> (batch, time, width)."""
        hidden, _ = self.decoder(told, vectors, vectors.unsqueeze(0).contiguous())
        return hidden

    def shifted(self, tokens: Tensor) -> Tensor:
        """What the decoder is told before each token: the end token, then the tokens before."""
        return torch.cat((torch.full_like(tokens[:, :1], self.end), tokens[:, :-1]), dim=1)


class View(nn.Module):
    """One use of the network."""

    def __init__(self, network: SentenceVectors) -> None:
        super().__init__()
        self.network = network


class Embed(View):
    """A sentence as a vector, whose parts ``decode`` accepts.

    Each state of a GRU is a mean of numbers between -1 and 1, but rounding may leave that range by
    some millionths.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        return self.network.vectors(tokens).clamp(-1, 1)


class Nearest(View):
    """The known sentences of largest cosine. Their vectors are a constant to the exporter."""

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            made = functional.normalize(self.network.vectors(self.network.known), dim=1)
        known = torch.from_numpy(made.numpy().copy())
        cosines = functional.normalize(self.network.vectors(tokens), dim=1) @ known.t()
        top, top_ids = cosines.topk(shown(len(known)), dim=1)
        return top_ids, top


class Score(View):
    """Log-probability of each token when the sentence is written again from its vector."""

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.network.features(self.network.shifted(tokens), self.network.vectors(tokens))
        log_probs = torch.log_softmax(self.network.decoder.output(hidden), dim=2)
        return log_probs.gather(2, tokens.unsqueeze(2)).squeeze(2)


class Decode(nn.Module):
    """Writes the likeliest word again and again; scripted, so that it becomes one ONNX Loop."""

    end: Final[int]

    def __init__(self, network: SentenceVectors) -> None:
        super().__init__()
        self.decoder, self.end = network.decoder, network.end

    def forward(self, vectors: Tensor, max_length: Tensor) -> Tensor:
        """vectors (batch, width) -> tokens (batch, decoded time), padded with 0 after the end."""
        token = torch.full_like(vectors[:, :1], self.end).to(torch.int64)
        alive, state = torch.ones_like(token), vectors.unsqueeze(0)
        step = torch.zeros_like(max_length)
        # Up to a step that is known at run time alone: the exporter would take 0 for fixed.
        tokens = token[:, : int(step)]
        while bool((step < max_length) & (alive.sum() > 0)):
            hidden, state = self.decoder(token, vectors, state)
            logits = self.decoder.output(hidden[:, 0])
            nowhere = torch.arange(logits.shape[1]) == 0  # padding is no word
            token = logits.masked_fill(nowhere, -1e9).argmax(1, keepdim=True) * alive
            tokens = torch.cat((tokens, token), dim=1)
            alive = alive * (token != self.end).to(torch.int64)
            step = step + 1
        return tokens


def shown(known: int) -> int:
    """How many sentences a list holds."""
    return min(NEAREST, known)


def build(config: Config, facts: Facts) -> SentenceVectors:
    """The net for ``facts["vocabulary"]`` words, which knows the sentences ``known_ids``."""
    return SentenceVectors(config, facts)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``embed``, ``nearest`` and ``decode`` for clients, ``score`` for the held-out loss."""
    assert isinstance(network, SentenceVectors)
    count = shown(len(facts["known_ids"]))
    tokens = Port("tokens", "int64", ("batch", "time"), 0, facts["vocabulary"] - 1)
    vectors = Port("vectors", "float32", ("batch", network.width), -1, 1)
    length = Port("max_length", "int64", (), 1, 512)
    lists = (
        Port("top_ids", "int64", ("batch", count)),
        Port("cosines", "float32", ("batch", count)),
    )
    written = Port("tokens", "int64", ("batch", "decoded_time"))
    log_probs = Port("log_probs", "float32", ("batch", "time"))
    return (
        Graph("embed", Embed(network), (tokens,), (vectors,)),
        Graph("nearest", Nearest(network), (tokens,), lists, ranked={"top_ids": "cosines"}),
        Graph(
            "decode",
            torch.jit.script(Decode(network)),
            (vectors, length),
            (written,),
            drawn={"max_length": (1, VERIFIED)},
        ),
        Graph("score", Score(network), (tokens,), (log_probs,)),
    )
