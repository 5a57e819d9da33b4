"""Backpropagation through time and real-time recurrent learning give the same gradient.

Both differentiate the squared error of a tanh net by its recurrent, input and bias weights, once
in reverse (Rumelhart et al. 1986; Werbos 1990) and once forward (Williams and Zipser 1989). The
reverse pass keeps every state until the end, so its memory grows with the length; the forward pass
carries the derivative of the state by every weight, so its memory does not, but each step costs the
fourth power of the width. Multiplications are counted, not timed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from repertoire.config import Count, Seed
from repertoire.contract import Array, Figure, Kind, Line
from repertoire.studies import Findings


@dataclass(frozen=True)
class Config:
    """Gradients are compared for every width at ``length``, and for every length at ``width``."""

    seed: Seed
    inputs: Count
    width: Count
    length: Count
    widths: tuple[Count, ...]
    lengths: tuple[Count, ...]


@dataclass(frozen=True)
class Problem:
    """h_t = tanh(W h_(t-1) + U x_t + b) from h_0 = 0; loss: half the sum of (h_t - y_t)^2.

    ``weights`` is (width, width + inputs + 1): W, U and b side by side; ``inputs`` is (length,
    inputs) and ``targets`` (length, width).
    """

    weights: Array
    inputs: Array
    targets: Array


@dataclass(frozen=True)
class Pass:
    """A gradient of the shape of the weights, and what it cost beyond the states themselves."""

    gradient: Array
    multiplications: int
    numbers_kept: int


class Counter:
    """Products of arrays, with a count of the multiplications of numbers in them."""

    def __init__(self) -> None:
        self.count = 0

    def matrix(self, left: Array, right: Array) -> Array:
        """left @ right, for a left of two axes."""
        self.count += left.size * (right.size // len(right))
        return left @ right

    def each(self, left: Array, right: Array) -> Array:
        """left * right, broadcast."""
        result = left * right
        self.count += result.size
        return result


def problem(width: int, length: int, inputs: int, seed: int) -> Problem:
    """Gaussian weights of variance 1/width, inputs of variance 1 and uniform targets."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((width, width + inputs + 1)) / np.sqrt(width)
    return Problem(
        weights, rng.standard_normal((length, inputs)), rng.uniform(-1, 1, (length, width))
    )


def _sources(state: Array, x: Array) -> Array:
    """What a row of weights is multiplied by: the last state, the input, and 1 for the bias."""
    return np.concatenate((state, x, [1.0]))


def backpropagation(task: Problem) -> Pass:
    """The gradient by one sweep forward and one back; every state is kept between them."""
    width = len(task.weights)
    states, counter = [np.zeros(width)], Counter()
    for x in task.inputs:
        states.append(np.tanh(task.weights @ _sources(states[-1], x)))
    gradient, delta = np.zeros_like(task.weights), np.zeros(width)
    for time in reversed(range(len(task.inputs))):
        state = states[time + 1]
        error = state - task.targets[time] + delta
        slope = 1 - counter.each(state, state)
        inner = counter.each(slope, error)
        sources = _sources(states[time], task.inputs[time])
        gradient += counter.each(inner[:, None], sources[None, :])
        delta = counter.matrix(task.weights[:, :width].T, inner)
    return Pass(gradient, counter.count, width * len(task.inputs))


def real_time(task: Problem) -> Pass:
    """The gradient in one sweep forward, by the derivative of the state by every weight."""
    width, sources_count = task.weights.shape
    state, counter = np.zeros(width), Counter()
    influence = np.zeros((width, width * sources_count))  # d state / d weights
    gradient = np.zeros(width * sources_count)
    own = np.arange(width)
    for x, target in zip(task.inputs, task.targets, strict=True):
        sources = _sources(state, x)
        state = np.tanh(task.weights @ sources)
        influence = counter.matrix(task.weights[:, :width], influence)
        # The row of weights that leads to a unit acts on no other unit at once.
        influence.reshape(width, width, sources_count)[own, own] += sources
        influence = counter.each((1 - counter.each(state, state))[:, None], influence)
        gradient += counter.matrix((state - target)[None, :], influence)[0]
    return Pass(gradient.reshape(task.weights.shape), counter.count, influence.size)


def backpropagation_cost(width: int, length: int, inputs: int) -> tuple[int, int]:
    """Multiplications of the way back and numbers kept, in closed form."""
    weights = width * (width + inputs + 1)
    return length * (weights + width * width + 2 * width), length * width


def real_time_cost(width: int, length: int, inputs: int) -> tuple[int, int]:
    """Multiplications beside the states and numbers kept, in closed form."""
    weights = width * (width + inputs + 1)
    step = width * width * weights + 2 * width * weights + width
    return length * step, width * weights


METHODS: dict[str, Callable[[int, int, int], tuple[int, int]]] = {
    "backpropagation through time": backpropagation_cost,
    "real-time recurrent learning": real_time_cost,
}


def difference(config: Config, width: int, length: int) -> float:
    """Largest difference of the two gradients, relative to the largest entry."""
    task = problem(width, length, config.inputs, config.seed)
    back, forward = backpropagation(task).gradient, real_time(task).gradient
    return float(np.abs(back - forward).max() / np.abs(back).max())


def study(config: Config) -> Findings:
    """Differences of the gradients, and costs by width and by length."""
    sizes = [(width, config.length) for width in config.widths]
    sizes += [(config.width, length) for length in config.lengths]
    differences = [difference(config, *size) for size in sizes]
    inputs = config.inputs
    figures = (
        Figure(
            "multiplications-by-width",
            Kind.LINES,
            f"Multiplications for the gradient of one sequence of {config.length} steps, "
            f"{inputs} inputs; in closed form.",
            columns=("units", "multiplications"),
            lines=_lines(config.widths, lambda cost, width: cost(width, config.length, inputs)[0]),
            logarithmic="xy",
        ),
        _memory(config),
        _table(config, sizes, differences),
    )
    back, forward = (cost(config.width, config.length, inputs) for cost in METHODS.values())
    return figures, {
        "largest_relative_difference": max(differences),
        "multiplications_ratio": forward[0] / back[0],
        "memory_ratio": forward[1] / back[1],
    }


def _lines(sizes: tuple[int, ...], cost: Callable[..., int]) -> list[Line]:
    return [
        Line(label, sizes, [cost(method, size) for size in sizes])
        for label, method in METHODS.items()
    ]


def _table(config: Config, sizes: list[tuple[int, int]], differences: list[float]) -> Figure:
    rows = []
    for (width, length), found in zip(sizes, differences, strict=True):
        back, forward = (cost(width, length, config.inputs) for cost in METHODS.values())
        counts = (back[0], forward[0], back[1], forward[1])
        rows.append((str(width), str(length), f"{found:.0e}", *(f"{n:,}" for n in counts)))
    return Figure(
        "equal-gradients",
        Kind.TABLE,
        "Both gradients of one random net on one random sequence in double precision: the largest "
        "difference relative to the largest entry, multiplications, and numbers kept by "
        f"backpropagation (BPTT) and real-time recurrent learning (RTRL); {config.inputs} inputs, "
        f"seed {config.seed}.",
        columns=(
            "units",
            "steps",
            "difference",
            "BPTT, multiplications",
            "RTRL, multiplications",
            "BPTT, numbers",
            "RTRL, numbers",
        ),
        cells=rows,
    )


def _memory(config: Config) -> Figure:
    return Figure(
        "memory-by-length",
        Kind.LINES,
        f"Numbers kept at once for the gradient of a net of {config.width} units, "
        f"{config.inputs} inputs; in closed form.",
        columns=("steps", "numbers kept"),
        lines=_lines(
            config.lengths, lambda cost, length: cost(config.width, length, config.inputs)[1]
        ),
        logarithmic="xy",
    )
