"""All nets of a recipe in one, with batched weights, and the graphs they are exported as."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from repertoire.contract import Graph, Port
from repertoire.families.novelty_detector.config import Config
from repertoire.kinds.novelty.facts import Facts


class Stack(nn.Module):
    """A linear map of its own for each of ``nets``: (nets, batch, before) -> (nets, batch, after).

    The first axis may be 1: all nets then see the same rows.
    """

    def __init__(self, nets: int, before: int, after: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(before)  # as in torch.nn.Linear
        self.weight = nn.Parameter(torch.empty(nets, before, after).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(nets, 1, after).uniform_(-bound, bound))

    def forward(self, rows: Tensor) -> Tensor:
        return rows @ self.weight + self.bias


def stacks(nets: int, widths: Sequence[int]) -> nn.Sequential:
    """Maps from one width to the next with SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [Stack(nets, before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class Detectors(nn.Module):
    """Autoencoders side by side. Values are grey levels of 0 to 1, or standardised columns.

    Buffers: ``center`` and ``scale`` (nets or 1, 1, values) standardise; ``share`` weighs values in
    the score and is 0 for columns that a narrower table does not have; ``divisor`` (nets, 1, values
    or 1) is of squared errors, and ``threshold`` (nets,) of scores.
    """

    center: Tensor
    scale: Tensor
    share: Tensor
    divisor: Tensor
    threshold: Tensor

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.nets = len(facts["names"])
        self.shape: tuple[int, ...] = tuple(facts["shape"])
        self.pictures, self.variational = "side" in facts, config.model == "variational"
        self.score = config.score
        values = math.prod(self.shape)
        widths = [*config.units, config.latent]
        codes = [*widths[:-1], config.latent * (2 if self.variational else 1)]
        self.encoder = stacks(self.nets, [values, *codes])
        self.decoder = stacks(self.nets, [*widths[::-1], values])
        for name, numbers in _standard(facts, self.nets, values).items():
            self.register_buffer(name, numbers)
        columns = values if config.score == "scaled" else 1
        self.register_buffer("divisor", torch.ones(self.nets, 1, columns))
        self.register_buffer("threshold", torch.zeros(self.nets))

    def values(self, rows: Tensor) -> Tensor:
        """Raw rows (nets or 1, batch, …) -> values float (the same or nets, batch, values)."""
        return (rows.flatten(2).to(torch.float32) - self.center) / self.scale

    def encode(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances (nets, batch, latent) of codes; the latter are 0 if unused."""
        codes = self.encoder(values)
        if not self.variational:
            return codes, torch.zeros_like(codes)
        mean, log_variance = codes.chunk(2, dim=2)
        return mean, log_variance

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (nets, batch, latent) -> values (nets, batch, values)."""
        values = self.decoder(codes)
        return torch.sigmoid(values) if self.pictures else values

    def squares(self, values: Tensor) -> Tensor:
        """Mean square (nets or 1, batch, 1) of the values of each row."""
        return (values**2 * self.share).sum(2, keepdim=True)

    def errors(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Raw rows (nets or 1, batch, …) -> values given back, and each value's part in the score.

        The score is the mean of these parts.
        """
        values = self.values(rows)
        mean, _ = self.encode(values)
        expected = self.decode(mean)
        divisor = self.divisor
        if self.score == "relative":
            divisor = divisor + self.squares(values)
        return expected, (expected - values) ** 2 / divisor

    def scores(self, rows: Tensor) -> Tensor:
        """Raw rows (nets or 1, batch, …) -> (nets, batch)."""
        _, errors = self.errors(rows)
        return (errors * self.share).sum(2)


def _standard(facts: Facts, nets: int, values: int) -> dict[str, Tensor]:
    if "side" in facts:
        one = torch.ones(1, 1, values)
        return {"center": 0 * one, "scale": 255 * one, "share": one / values}
    widths = torch.tensor([len(columns) for columns in facts["columns"]]).view(nets, 1, 1)
    used = (torch.arange(values) < widths).to(torch.float32)
    found = {
        name: torch.tensor(facts[name], dtype=torch.float32).view(nets, 1, values)
        for name in ("center", "scale")
    }
    return {**found, "share": used / widths}


class Scores(nn.Module):
    """How badly each net gives rows back, and whether that is above its threshold."""

    def __init__(self, network: Detectors) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.network.scores(rows.unsqueeze(0)).transpose(0, 1)
        return scores, (scores > self.network.threshold).to(torch.int64)


class Detect(nn.Module):
    """The same by the net whose number comes with each row, and where the error lies."""

    def __init__(self, network: Detectors) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: Tensor, normal: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        net = self.network
        expected, errors = net.errors(rows.unsqueeze(0))
        scores = (errors * net.share).sum(2)
        own = normal.view(1, -1)
        score = scores.gather(0, own)[0]
        # Every net has looked at every row; only one answer a row is asked for.
        wide = own.unsqueeze(2).expand(1, -1, errors.shape[2])
        levels, error = (all_of.gather(0, wide)[0] for all_of in (expected, errors))
        scale, center = (x.expand(net.nets, 1, -1)[normal, 0] for x in (net.scale, net.center))
        raw = levels * scale + center
        if net.pictures:
            raw = raw.round().to(torch.uint8)
        decision = (score > net.threshold[normal]).to(torch.int64)
        return score, decision, error.view(-1, *net.shape), raw.view(-1, *net.shape)


def build(config: Config, facts: Facts) -> Detectors:
    """A net for each name of what may count as normal."""
    return Detectors(config, facts)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``detect`` for one kind of normal things a row, ``scores`` against all kinds at once."""
    assert isinstance(network, Detectors)
    shape: tuple[int | str, ...] = ("batch", *network.shape)
    rows = Port("rows", "float32", shape)
    if network.pictures:
        rows = Port("images", "uint8", shape, 0, 255)
    normal = Port("normal", "int64", ("batch",), 0, network.nets - 1)
    detected = (
        Port("score", "float32", ("batch",)),
        Port("decision", "int64", ("batch",)),
        Port("error", "float32", shape),
        Port("expected", rows.dtype, shape),
    )
    all_nets = ("batch", network.nets)
    scored = (Port("scores", "float32", all_nets), Port("decisions", "int64", all_nets))
    return (
        Graph("detect", Detect(network), (rows, normal), detected),
        Graph("scores", Scores(network), (rows,), scored),
    )
