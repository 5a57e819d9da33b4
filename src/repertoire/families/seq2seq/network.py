"""The net, and the two graphs it is exported as."""

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.seq2seq.config import Config
from repertoire.families.seq2seq.decoder import Decoder
from repertoire.families.seq2seq.encoder import Encoded, Encoder
from repertoire.families.seq2seq.search import Beam
from repertoire.kinds.pairs.facts import Facts

WIDEST = 16  # lanes of the beam
VERIFIED = 16  # tokens that are compared with PyTorch at most


class Seq2Seq(nn.Module):
    """Encoder and decoder. The decoder starts from the end token."""

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.end: int = facts["end"]
        self.encoder = Encoder(facts["source_vocabulary"], config)
        self.decoder = Decoder(facts["target_vocabulary"], config, self.encoder.width)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher forcing: logits (batch, target time, vocabulary) and attention."""
        encoded = self.encoder(source)
        start = torch.full_like(target[:, :1], self.end)
        fed = torch.cat((start, target[:, :-1]), dim=1)
        keys = self.decoder.keys(encoded.memory)
        state = encoded.summary.unsqueeze(0)
        logits, attention, _ = self.decoder(fed, state, encoded, keys)
        return logits, attention


class Score(nn.Module):
    """Log-probability of every target token, and where the decoder looked for it, if it looks."""

    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        logits, attention = self.network(source, target)
        log_probs = torch.log_softmax(logits, dim=2).gather(2, target.unsqueeze(2)).squeeze(2)
        return (log_probs, attention) if self.network.decoder.scorer is not None else (log_probs,)


class Translate(nn.Module):
    """Ids to ids in one call."""

    def __init__(self, network: Seq2Seq) -> None:
        super().__init__()
        self.encoder = network.encoder
        self.decoder = network.decoder
        self.search = Beam(network.decoder, network.end)

    def forward(
        self, source: Tensor, max_length: Tensor, beam: Tensor, length_penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        encoded = self.encoder(source)
        keys = self.decoder.keys(encoded.memory)
        lanes = torch.arange(int(beam))
        rows = torch.arange(len(source)).repeat_interleave(len(lanes))
        each = Encoded(encoded.memory, encoded.mask, encoded.summary[rows])
        return self.search(each, keys, max_length, lanes, length_penalty)


def build(config: Config, facts: Facts) -> Seq2Seq:
    """The net for the vocabularies of both sides."""
    return Seq2Seq(config, facts)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``translate`` searches by beam, 1 being greedy; ``score`` judges a given target.

    ``score`` also shows attention, of nets that have it.
    """
    assert isinstance(network, Seq2Seq)
    source = Port("source", "int64", ("batch", "source_time"), 0, facts["source_vocabulary"] - 1)
    target = Port("target", "int64", ("batch", "target_time"), 0, facts["target_vocabulary"] - 1)
    attention = Port("attention", "float32", ("batch", "target_time", "source_time"))
    attends = network.decoder.scorer is not None
    return (
        Graph(
            "translate",
            torch.jit.script(Translate(network)),
            (
                source,
                Port("max_length", "int64", (), 1, 512),
                Port("beam", "int64", (), 1, WIDEST),
                Port("length_penalty", "float32", (), 0, 2),
            ),
            (
                Port("tokens", "int64", ("batch", "decoded_time")),
                Port("log_prob", "float32", ("batch",)),
            ),
            # Over hundreds of tokens a net repeats itself, and hypotheses that differ in the order
            # of two tokens come so close that each engine's rounding takes another.
            drawn={"max_length": (1, VERIFIED)},
        ),
        Graph(
            "score",
            Score(network),
            (source, target),
            (
                Port("log_probs", "float32", ("batch", "target_time")),
                *((attention,) if attends else ()),
            ),
        ),
    )
