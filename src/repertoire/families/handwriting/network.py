"""The nets, and the two graphs they are exported as."""

import torch
from torch import Tensor, nn

from repertoire.config import RepertoireError
from repertoire.contract import Graph, Port
from repertoire.families.handwriting.config import Config, state_ports
from repertoire.families.handwriting.density import Mixture, draw, log_likelihood, mixture
from repertoire.families.handwriting.window import WindowedLayer
from repertoire.kinds.strokes.facts import Facts

States = tuple[Tensor, ...]


def _initialised(net: nn.LSTM) -> nn.LSTM:
    units = net.hidden_size
    for name, weight in net.named_parameters():
        if "bias" in name:
            nn.init.zeros_(weight)
            if "bias_ih" in name:
                # Gates i, f, g, o: lets gradients pass at the start (Jozefowicz et al. 2015).
                nn.init.ones_(weight[units : 2 * units])
        else:
            initialise = nn.init.orthogonal_ if "weight_hh" in name else nn.init.xavier_uniform_
            for gate in weight.data.split(units):
                initialise(gate)
    return net


class Writer(nn.Module):
    """Two LSTM layers, both seen by the output; the second sees the point and all of the first.

    With a text, the first layer is a ``WindowedLayer`` and what it reads goes everywhere too.
    """

    def __init__(self, config: Config, facts: Facts) -> None:
        super().__init__()
        self.config = config
        units, vocabulary = config.units, facts["vocabulary"]
        read = vocabulary if config.conditional else 0
        self.first: nn.Module = _initialised(nn.LSTM(3, units))
        if config.conditional:
            self.first = WindowedLayer(units, config.windows, vocabulary, facts["points_a_letter"])
            # Row 0 pads: it is no letter.
            self.letters: Tensor
            letters = torch.eye(vocabulary) * (torch.arange(vocabulary) > 0)
            self.register_buffer("letters", letters)
        self.second = _initialised(nn.LSTM(3 + units + read, units))
        self.output = nn.Linear(2 * units + read, 1 + 6 * config.components)
        # Components that start at different places need not be told apart first.
        bias = self.output.bias.data[1:].view(6, config.components)
        nn.init.zeros_(bias)
        nn.init.normal_(bias[2:4])

    def one_hot(self, text: Tensor) -> Tensor:
        """text ids (batch, characters) -> (batch, characters, vocabulary), zeros for padding."""
        return nn.functional.embedding(text, self.letters)

    def below(
        self, points: Tensor, texts: tuple[Tensor, ...], states: States, exported: bool
    ) -> tuple[Tensor, Tensor, States, tuple[Tensor, ...]]:
        """The first layer over points (time, batch, 3): hidden, what the second layer sees besides
        it, the layer's states, and of windows their weights and how far past the text they are."""
        hidden, cell = states[0][0], states[1][0]
        if not self.config.conditional:
            above, (hidden, cell) = self.first(points, (hidden[None], cell[None]))
            return above, points, (hidden[0], cell[0]), ()
        start = (hidden, cell, states[2], states[3])
        found = self.first(points, self.one_hot(texts[0]), start, exported)
        above, read, weights, past, after = found
        return above, torch.cat((points, read), dim=2), after, (weights, past)

    def features(
        self,
        points: Tensor,
        texts: tuple[Tensor, ...],
        states: States,
        exported: bool = False,
    ) -> tuple[Tensor, States, tuple[Tensor, ...]]:
        """Points before each predicted one (batch, time, 3) -> what ``mixture`` takes (batch, time,
        …), new states, and the windows' course (time first)."""
        above, seen, after, course = self.below(points.transpose(0, 1), texts, states, exported)
        start = (states[0][1:], states[1][1:])
        top, (hidden, cell) = self.second(torch.cat((seen, above), dim=2), start)
        read = seen[:, :, 3:]
        raw = self.output(torch.cat((above, top, read), dim=2)).transpose(0, 1)
        new = (torch.cat((after[0][None], hidden)), torch.cat((after[1][None], cell)), *after[2:])
        return raw, new, course


class _Exported(nn.Module):
    """A graph's module: inputs after its own are a text if the net reads one, point and states."""

    def __init__(self, network: Writer) -> None:
        super().__init__()
        self.network = network

    def parted(self, rest: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor, States]:
        texts = int(self.network.config.conditional)
        return rest[:texts], rest[texts], rest[texts + 1 :]


class Score(_Exported):
    """How likely each point is given those before it, and where a stroke's end was expected."""

    def forward(self, points: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        texts, point, states = self.parted(rest)
        before = torch.cat((point.unsqueeze(1), points[:, :-1]), dim=1)
        raw, states, course = self.network.features(before, texts, states, exported=True)
        density = mixture(raw, torch.zeros_like(raw[..., 0]))
        windows = tuple(part.transpose(0, 1) for part in course)
        likely = log_likelihood(density, points)
        ends = torch.sigmoid(density.pen_logit)
        return (likely, ends, *windows, points[:, -1], *states)


class Next(_Exported):
    """The density of the point after the last, and a point drawn from it by given numbers."""

    def forward(self, uniform: Tensor, bias: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        texts, point, states = self.parted(rest)
        raw, states, course = self.network.features(
            point.unsqueeze(1), texts, states, exported=True
        )
        density: Mixture = mixture(raw[:, 0], bias)
        parameters = (
            torch.exp(density.log_weights),
            density.means,
            density.deviations,
            density.correlations,
            torch.sigmoid(density.pen_logit),
        )
        windows = tuple(part[0] for part in course)
        return (*parameters, *windows, draw(density, uniform), *states)


def build(config: Config, facts: Facts) -> Writer:
    """The net for an alphabet of ``facts["vocabulary"]`` ids, 0 where the data hold no text."""
    if config.conditional and not facts["vocabulary"]:
        raise RepertoireError("conditional: these strokes write no text to read; set it to false")
    return Writer(config, facts)


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``score`` for whole words, ``next`` for one point and its draw."""
    assert isinstance(network, Writer)
    config = network.config
    text = Port("text", "int64", ("batch", "characters"), 0, facts["vocabulary"] - 1)
    texts = (text,) if config.conditional else ()
    before = state_ports(config, facts)
    after = tuple(Port(f"next_{p.name}", p.dtype, p.shape) for p in before)
    point, drawn = (Port(name, "float32", ("batch", 3)) for name in ("point", "next_point"))
    states, ends = (point, *before), (drawn, *after)
    feedback = {out.name: into.name for out, into in zip(ends, states, strict=True)}
    return (
        _score(network, texts, states, ends, feedback),
        _next(network, texts, states, ends, feedback),
    )


Ports = tuple[Port, ...]


def _score(
    network: Writer, texts: Ports, states: Ports, ends: Ports, feedback: dict[str, str]
) -> Graph:
    windows = (
        Port("window", "float32", ("batch", "time", "characters")),
        Port("past", "float32", ("batch", "time")),
    )
    outputs = (
        Port("log_likelihood", "float32", ("batch", "time")),
        Port("end_probability", "float32", ("batch", "time")),
        *(windows if texts else ()),
        *ends,
    )
    points = Port("points", "float32", ("batch", "time", 3))
    return Graph("score", Score(network), (points, *texts, *states), outputs, feedback)


def _next(
    network: Writer, texts: Ports, states: Ports, ends: Ports, feedback: dict[str, str]
) -> Graph:
    count = network.config.components
    windows = (
        Port("window", "float32", ("batch", "characters")),
        Port("past", "float32", ("batch",)),
    )
    outputs = (
        Port("weights", "float32", ("batch", count)),
        Port("means", "float32", ("batch", count, 2)),
        Port("deviations", "float32", ("batch", count, 2)),
        Port("correlations", "float32", ("batch", count)),
        Port("end_probability", "float32", ("batch",)),
        *(windows if texts else ()),
        *ends,
    )
    drawing = (
        Port("uniform", "float32", ("batch", 4), 0, 1),
        Port("bias", "float32", ("batch",), 0, 10),
    )
    return Graph("next", Next(network), (*drawing, *texts, *states), outputs, feedback)
