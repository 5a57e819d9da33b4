"""The net, and the two graphs it is exported as."""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from repertoire.config import ConfigError
from repertoire.contract import Graph, Port
from repertoire.families.waveforms.config import Config, state_ports
from repertoire.kinds.waveforms.facts import Facts
from repertoire.runtime.companding import LEVELS, MIDDLES, MU, edges

HOTTEST = 100  # the highest temperature
COLDEST = 1e-4  # stands for 0, where the likeliest level is taken
NARROWEST = 1e-5  # scale of a logistic; the narrowest interval is 17 times as wide
FLOOR = 1e-7  # that is added to the mass of each level: no level is impossible
SMALL = 0.05  # width of an interval, in scales, below which a series is more exact
WIDE, NARROW = 0.0, -2.0  # where the scales start, as logarithms of the change from one to the next


class Waveform(nn.Module):
    """GRU and perceptron over the last samples, and a mixture of logistics over the levels."""

    middles: Tensor  # (levels,), what each decodes to
    bounds: Tensor  # (levels - 1,), between them

    def __init__(self, config: Config, deviation: float, change: float) -> None:
        super().__init__()
        if config.window < 2:
            raise ConfigError(
                f"config.window {config.window}: at least 2 samples, the last included"
            )
        self.config, self.deviation, self.change = config, deviation, change
        window, hidden, count = config.window, config.hidden, config.components
        self.core = nn.GRU(window, config.units, batch_first=True)
        self.first = nn.Linear(config.units + 2 * window, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.mixture = nn.Linear(hidden, 3 * count)
        self.linear = nn.Linear(window, 1)
        self.weights = nn.Parameter(torch.zeros(LEVELS))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        nn.init.zeros_(self.mixture.weight)
        with torch.no_grad():
            self.linear.weight[0, -1] = 1.0  # the last sample stays
            self.mixture.bias.zero_()
            self.mixture.bias[2 * count :] = torch.linspace(NARROW, WIDE, count)
        self.register_buffer("middles", torch.tensor(MIDDLES, dtype=torch.float32))
        self.register_buffer("bounds", torch.tensor(edges()[1:-1], dtype=torch.float32))

    def features(self, levels: Tensor, hidden: Tensor, context: Tensor) -> tuple[Tensor, ...]:
        """levels (batch, time) -> mixture parameters (batch, time, 3 * components), states."""
        width = self.config.window
        signal = torch.cat((context, self.middles[levels]), dim=1)
        # Slices, and not unfold, which ONNX does not know: (batch, time, window), newest last.
        last = [signal[:, n : signal.shape[1] - width + 1 + n] for n in range(width)]
        windows = torch.stack(last, dim=2)
        state, hidden = self.core(windows / self.deviation, hidden)
        changes = (windows - windows[:, :, -1:]) / (3 * self.change)
        loudness = torch.sign(windows) * torch.log1p(MU * windows.abs()) / math.log1p(MU)
        read = torch.cat((state, changes, loudness), dim=2)
        inner = torch.relu(self.second(torch.relu(self.first(read))))
        shares, centres, scales = self.mixture(inner).chunk(3, dim=2)
        centres = self.linear(windows) + self.change * centres
        logarithms = scales + math.log(self.change)
        mixture = torch.cat((torch.log_softmax(shares, dim=2), centres, logarithms), dim=2)
        return mixture, hidden, signal[:, signal.shape[1] - width + 1 :]

    def log_probs(self, mixture: Tensor) -> Tensor:
        """(rows, 3 * components) -> log-probability of every level (rows, levels)."""
        shares, centres, scales = mixture.unsqueeze(2).chunk(3, dim=1)
        sharpness = torch.exp(-scales.clamp(min=math.log(NARROWEST)))
        gaps = (self.bounds - centres) * sharpness
        widths = (self.bounds[1:] - self.bounds[:-1]) * sharpness
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), without the difference
        # of two numbers near 1; the outermost intervals are open.
        below = _log_sigmoid(gaps)
        logs = (
            nn.functional.pad(below, (0, 1))
            + nn.functional.pad(below - gaps, (1, 0))
            + nn.functional.pad(_log_one_minus_exp(widths), (1, 1))
        )
        mass = torch.exp(shares + logs).sum(1)
        return torch.log_softmax(torch.log(mass + FLOOR) + self.weights, dim=1)


def _log_sigmoid(gaps: Tensor) -> Tensor:
    """Exact far below 0, where onnxruntime's sigmoid is not."""
    return gaps.clamp(max=0) - torch.log(1 + torch.exp(-gaps.abs()))


def _log_one_minus_exp(width: Tensor) -> Tensor:
    """log(1 - exp(-width)), from its series where that is more exact."""
    small = width.clamp(max=SMALL)
    series = torch.log(small) - small / 2 + small**2 / 24
    return torch.where(width < SMALL, series, torch.log(1 - torch.exp(-width.clamp(min=SMALL))))


class Score(nn.Module):
    """The distribution of the level that follows each of the given ones."""

    def __init__(self, network: Waveform) -> None:
        super().__init__()
        self.network = network

    def forward(self, levels: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        mixture, *after = self.network.features(levels.to(torch.int64), *states)
        log_probs = self.network.log_probs(mixture.flatten(0, 1))
        return (log_probs.view(levels.shape[0], levels.shape[1], LEVELS), *after)


class Step(nn.Module):
    """Draw the level that follows the last of the given ones.

    Temperature 0 takes the likeliest. The random number comes from the client, because random
    operators of onnxruntime are seeded once a session.
    """

    def __init__(self, network: Waveform) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, levels: Tensor, temperature: Tensor, uniform: Tensor, *states: Tensor
    ) -> tuple[Tensor, ...]:
        mixture, *after = self.network.features(levels.to(torch.int64), *states)
        log_probs = self.network.log_probs(mixture[:, -1])
        heat = temperature.clamp(min=COLDEST).unsqueeze(1)
        chances = torch.softmax(log_probs / heat, dim=1)
        below = (chances.cumsum(1) <= uniform.unsqueeze(1)).to(torch.int64).sum(1)
        drawn = below.clamp(max=LEVELS - 1)
        level = torch.where(temperature > 0, drawn, log_probs.argmax(1))
        return (level.to(torch.uint8), log_probs, *after)


def build(config: Config, facts: Facts) -> Waveform:
    """The net for a signal whose deviation, and that of its changes, the facts tell."""
    return Waveform(config, facts["deviation"], facts["change_deviation"])


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``score`` for a given signal, in parts if it is long, ``step`` to go on sample by sample."""
    assert isinstance(network, Waveform)
    states = state_ports(network.config)
    after = tuple(replace(p, name=f"next_{p.name}", low=None, high=None) for p in states)
    feedback = {out.name: into.name for out, into in zip(after, states, strict=True)}
    levels = Port("levels", "uint8", ("batch", "time"), 0, LEVELS - 1)
    every = Port("log_probs", "float32", ("batch", "time", LEVELS))
    asked = (
        levels,
        Port("temperature", "float32", ("batch",), 0, HOTTEST),
        Port("uniform", "float32", ("batch",), 0, 1),
        *states,
    )
    drawn = (Port("level", "uint8", ("batch",)), Port("log_probs", "float32", ("batch", LEVELS)))
    return (
        Graph("score", Score(network), (levels, *states), (every, *after), feedback),
        Graph("step", Step(network), asked, (*drawn, *after), feedback),
    )
