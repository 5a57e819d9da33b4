"""Encoder and decoder of a history, and the graphs they are exported as."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from repertoire.contract import Graph, Port
from repertoire.families.recommender.config import Config
from repertoire.kinds.interactions.facts import Facts

NOWHERE = -1e9  # the score of what is in the history already


def told_items(history: Tensor, items: int) -> Tensor:
    """history (batch, time) of numbers from 1, padded with 0 -> float 0 or 1 (batch, items)."""
    blank = torch.zeros((history.shape[0], items + 1), device=history.device)
    return blank.scatter(1, history, torch.ones_like(history, dtype=torch.float32))[:, 1:]


class Recommender(nn.Module):
    """One hidden layer on either side of the code (Liang et al. 2018, section 3.1).

    The linear path beside them starts from zero and keeps what a narrow code forgets: that two
    items go together (as in Cheng et al. 2016, "Wide & Deep Learning"). Like the map of Steck 2019
    it never looks at the item itself.
    """

    def __init__(self, config: Config, items: int) -> None:
        super().__init__()
        self.items, self.latent, self.count = items, config.latent, min(config.count, items)
        self.variational, self.dropout = config.variational, config.dropout
        self.hidden = nn.Linear(items, config.units)
        self.code = nn.Linear(config.units, config.latent * (2 if config.variational else 1))
        self.rise = nn.Linear(config.latent, config.units)
        self.output = nn.Linear(config.units, items)
        self.pairs = nn.Parameter(torch.zeros(items, items)) if config.linear else None

    def scaled(self, told: Tensor) -> Tensor:
        """told (batch, items) of length 1, so that many likes weigh no more than few.

        A part of them is hidden in training. Who likes nothing stays zero.
        """
        return functional.dropout(functional.normalize(told, dim=1), self.dropout, self.training)

    def encode(self, scaled: Tensor) -> tuple[Tensor, Tensor]:
        """scaled (batch, items) -> mean and log-variance (batch, latent); zeros for a point."""
        code = self.code(torch.tanh(self.hidden(scaled)))
        if not self.variational:
            return code, torch.zeros_like(code)
        mean, log_variance = code.chunk(2, dim=1)
        return mean, log_variance

    def logits(self, code: Tensor, scaled: Tensor) -> Tensor:
        """code (batch, latent), scaled (batch, items) -> the multinomial's (batch, items)."""
        deep = self.output(torch.tanh(self.rise(code)))
        if self.pairs is None:
            return deep
        itself = self.pairs.reshape(-1)[:: self.items + 1]  # the diagonal
        return deep + scaled @ self.pairs - scaled * itself

    def forward(self, told: Tensor) -> Tensor:
        """told (batch, items) -> logits (batch, items) by the mean of the code."""
        scaled = self.scaled(told)
        return self.logits(self.encode(scaled)[0], scaled)


class View(nn.Module):
    """One use of the network."""

    def __init__(self, network: Recommender) -> None:
        super().__init__()
        self.network = network


class Recommend(View):
    """The likeliest items that the history lacks; a place that nothing is left for holds 0."""

    def forward(self, history: Tensor) -> tuple[Tensor, Tensor]:
        told = told_items(history, self.network.items)
        left = self.network(told).masked_fill(told > 0, NOWHERE)
        scores, places = torch.log_softmax(left, dim=1).topk(self.network.count, dim=1)
        return torch.where(scores > NOWHERE / 2, places + 1, torch.zeros_like(places)), scores


class Score(View):
    """Log-probability of each item of the catalogue, those of the history among them."""

    def forward(self, history: Tensor) -> Tensor:
        return torch.log_softmax(self.network(told_items(history, self.network.items)), dim=1)


def build(config: Config, facts: Facts) -> Recommender:
    """The net for a catalogue of ``facts["items"]``."""
    return Recommender(config, facts["items"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``recommend`` for clients; ``score`` for whoever ranks by other rules."""
    assert isinstance(network, Recommender)
    history = Port("history", "int64", ("batch", "time"), 0, network.items)
    lists = (
        Port("top_ids", "int64", ("batch", network.count)),
        Port("scores", "float32", ("batch", network.count)),
    )
    log_probs = Port("log_probs", "float32", ("batch", network.items))
    return (
        Graph("recommend", Recommend(network), (history,), lists, ranked={"top_ids": "scores"}),
        Graph("score", Score(network), (history,), (log_probs,)),
    )
