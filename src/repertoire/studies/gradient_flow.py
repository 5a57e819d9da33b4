"""How gradients vanish or explode on their way back through time and through depth.

A recurrent net is run on random inputs without training, and the derivative of a number that is
read from its last state is followed back, state by state (Hochreiter et al. 2001; Pascanu et al.
2013): by activation, by the initial recurrent matrix (Le et al. 2015 for the identity, Saxe et al.
2014 for orthogonal matrices) and by cell. The same is done layer by layer for a feed-forward stack
(Glorot and Bengio 2010; He et al. 2015). A linear net with an orthogonal matrix keeps the norm
exactly; one with a multiple of the identity multiplies it by that number at each step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from repertoire.config import Count, NonNegative, Seed
from repertoire.contract import Array, Figure, Kind, Line
from repertoire.studies import Findings
from repertoire.training.process import settle

PRECISION = torch.float64  # a sigmoid net's gradient soon leaves the range of float32
Step = Callable[[Tensor, Tensor], Tensor]  # (input, state) -> state, both (batch, width)


@dataclass(frozen=True)
class Config:
    """``scales`` are of Gaussian matrices: 1 keeps the norm of a random vector on average."""

    seed: Seed
    threads: Count
    units: Count
    batch: Count
    steps: Count
    drive: NonNegative  # standard deviation of what the inputs add to each unit
    layers: Count
    scales: tuple[float, ...]
    forget_biases: tuple[float, ...]


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda inner: inner,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}

KEYS = str.maketrans({" ": "_", "-": "_", ",": None, "’": None, ".": "_"})


def matrix(name: str, size: int, scale: float = 1.0) -> Tensor:
    """A square matrix to start from: "Gaussian" (variance 1/size), "identity" or "orthogonal"."""
    weight = torch.empty(size, size, dtype=PRECISION)
    if name == "identity":
        nn.init.eye_(weight)
    elif name == "orthogonal":
        nn.init.orthogonal_(weight)
    else:
        nn.init.normal_(weight, std=size**-0.5)
    return scale * weight


def norms(step: Step, inputs: Tensor, start: Tensor, units: int) -> Array:
    """Norm of d(loss)/d(state) by distance from the last state: (steps + 1,), averaged over rows.

    ``inputs`` is (steps, batch, width). The loss reads the first ``units`` of the last state along
    a direction of length 1, so the norm at distance 0 is 1.
    """
    states = [start.requires_grad_()]
    for x in inputs:
        states.append(step(x, states[-1]))
    direction = torch.randn(units, dtype=PRECISION)
    loss = (states[-1][:, :units] @ (direction / direction.norm())).sum()
    gradients = torch.autograd.grad(loss, states)
    return np.array([float(g.norm(dim=1).mean()) for g in reversed(gradients)])


def plain(activation: str, weight: Tensor) -> Step:
    """h <- f(W h + x)."""
    function = ACTIVATIONS[activation]
    return lambda x, state: function(state @ weight.T + x)


def gated(cell: nn.RNNCellBase) -> Step:
    """A GRU's state, or an LSTM's output and memory side by side."""

    def step(x: Tensor, state: Tensor) -> Tensor:
        if isinstance(cell, nn.LSTMCell):
            return torch.cat(cell(x, tuple(state.chunk(2, dim=1))), dim=1)
        return cell(x, state)

    return step


def factor(course: Array) -> float:
    """The geometric mean of growth a step; 0 where the gradient is gone altogether."""
    return float((course[-1] / course[0]) ** (1 / (len(course) - 1)))


def through_time(config: Config, step: Step, states: int = 1) -> Array:
    """Norms by distance in steps, for a state of ``states`` times the units that starts at zero."""
    shape = (config.batch, config.units)
    inputs = config.drive * torch.randn(config.steps, *shape, dtype=PRECISION)
    start = torch.zeros(config.batch, states * config.units, dtype=PRECISION)
    return norms(step, inputs, start, config.units)


def by_activation(config: Config) -> dict[str, Array]:
    """Orthogonal recurrent matrices."""
    weight = matrix("orthogonal", config.units)
    return {name: through_time(config, plain(name, weight)) for name in ACTIVATIONS}


def by_matrix(config: Config, activation: str) -> dict[str, Array]:
    """Gaussian matrices of each scale, the identity and an orthogonal one."""
    starts = {f"Gaussian, scale {s:g}": ("Gaussian", s) for s in config.scales}
    starts |= {name: (name, 1.0) for name in ("identity", "orthogonal")}
    return {
        label: through_time(config, plain(activation, matrix(name, config.units, scale)))
        for label, (name, scale) in starts.items()
    }


def by_cell(config: Config) -> dict[str, Array]:
    """Cells as PyTorch initialises them; the LSTM with biases of its forget gate besides."""
    size = (config.units, config.units)
    found = {
        "tanh RNN": through_time(config, gated(nn.RNNCell(*size, dtype=PRECISION))),
        "GRU": through_time(config, gated(nn.GRUCell(*size, dtype=PRECISION))),
    }
    for bias in config.forget_biases:
        cell = nn.LSTMCell(*size, dtype=PRECISION)
        nn.init.zeros_(cell.bias_hh)
        nn.init.constant_(cell.bias_ih.data[config.units : 2 * config.units], bias)
        found[f"LSTM, forget bias {bias:g}"] = through_time(config, gated(cell), 2)
    return found


def by_depth(config: Config) -> dict[str, Array]:
    """Feed-forward stacks, each layer with a matrix of its own; He's scale is the root of 2."""
    choices = {
        "sigmoid, Gaussian": ("sigmoid", "Gaussian", 1.0),
        "tanh, Gaussian": ("tanh", "Gaussian", 1.0),
        "tanh, orthogonal": ("tanh", "orthogonal", 1.0),
        "ReLU, Gaussian": ("ReLU", "Gaussian", 1.0),
        "ReLU, Gaussian, He’s scale": ("ReLU", "Gaussian", 2**0.5),
        "ReLU, orthogonal, He’s scale": ("ReLU", "orthogonal", 2**0.5),
    }
    return {label: through_depth(config, *choice) for label, choice in choices.items()}


def through_depth(config: Config, activation: str, name: str, scale: float) -> Array:
    """Norms by distance in layers, from random inputs of variance 1."""
    weights = torch.stack([matrix(name, config.units, scale) for _ in range(config.layers)])
    function = ACTIVATIONS[activation]
    start = torch.randn(config.batch, config.units, dtype=PRECISION)
    return norms(lambda weight, state: function(state @ weight.T), weights, start, config.units)


def study(config: Config) -> Findings:
    """Courses of the norm, and the factor a step or a layer of each."""
    settle(config.seed, config.threads)
    groups = {
        "by-activation": by_activation(config),
        "tanh-by-matrix": by_matrix(config, "tanh"),
        "ReLU-by-matrix": by_matrix(config, "ReLU"),
        "by-cell": by_cell(config),
        "by-depth": by_depth(config),
    }
    said = {
        "by-activation": "Plain recurrent nets from one orthogonal matrix, by activation",
        "tanh-by-matrix": "Plain tanh nets, by the recurrent matrix they start from",
        "ReLU-by-matrix": "Plain ReLU nets, by the recurrent matrix they start from",
        "by-cell": "Cells as PyTorch initialises them, the LSTM by the bias of its forget gate",
        "by-depth": "Feed-forward stacks, by activation and initial weights",
    }
    figures = [_figure(config, name, said[name], courses) for name, courses in groups.items()]
    figures.append(_table(config, groups))
    metrics = {
        f"{name}_{label}_factor".translate(KEYS).lower(): factor(course)
        for name, courses in groups.items()
        for label, course in courses.items()
    }
    return tuple(figures), metrics


def _figure(config: Config, name: str, said: str, courses: dict[str, Array]) -> Figure:
    part, inputs = ("layer", "inputs") if name == "by-depth" else ("step", "sequences")
    return Figure(
        name,
        Kind.LINES,
        f"{said}: norm of the gradient by distance from the last {part}, without training; "
        f"{config.units} units, mean of {config.batch} random {inputs}, seed {config.seed}.",
        columns=(f"{part}s back", "norm of the gradient"),
        lines=[_line(label, course) for label, course in courses.items()],
        logarithmic="y",
    )


def _line(label: str, course: Array) -> Line:
    """Without the end where nothing is left: a logarithm has no place for 0."""
    kept = course[: np.flatnonzero(course)[-1] + 1]
    return Line(label, range(len(kept)), kept.tolist())


def _table(config: Config, groups: dict[str, dict[str, Array]]) -> Figure:
    rows = [
        (name.replace("-", " "), label, f"{factor(course):.3f}", f"{course[-1]:.1e}")
        for name, courses in groups.items()
        for label, course in courses.items()
    ]
    return Figure(
        "factors",
        Kind.TABLE,
        "The factor by which the gradient's norm changes a step or a layer, as a geometric mean "
        f"over {config.steps} steps or {config.layers} layers, and what is left of a norm of 1 "
        f"after them; seed {config.seed}.",
        columns=("figure", "net", "factor", "left"),
        cells=rows,
    )
