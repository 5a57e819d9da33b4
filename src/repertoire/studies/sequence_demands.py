"""What a model of sequences must be able to do, shown by models that lack one thing each.

Four generated tasks each need one thing: order, a long range, shared weights, a variable length.
Four models each lack one: a bag of symbols has no order; a window (a GRU over the last few symbols)
has no long range; a feed-forward net with weights of its own for every position learns nothing of
positions where it never saw a mark; and a net for a fixed length (a GRU over as many leading
symbols as training sequences have) sees no further. A GRU over all symbols lacks none of the four.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from repertoire.config import Count, Natural, Positive, Seed, Share
from repertoire.contract import Array, Figure, Kind
from repertoire.studies import HARD_SPACE, Findings, metric_name
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import settle

PAD, MARKS = 0, (1, 2)  # fillers have the ids from 3
Sample = tuple[Array, Array]  # ids (count, time), padded on the right; classes (count,)


@dataclass(frozen=True)
class Config:
    """``short`` is the length of a window; ``long`` that of the longest sequence."""

    seed: Seed
    threads: Count
    fillers: Count
    short: Count
    long: Count
    units: Count
    batch: Count
    steps: Count
    test: Natural
    learning_rate: Positive
    warmup: Share
    clip_norm: Positive


@dataclass(frozen=True)
class Task:
    """``draw(rng, count, tested)`` gives sequences; ``length`` is the longest in training."""

    draw: Callable[[np.random.Generator, int, bool], Sample]
    length: int
    says: str


def _fill(rng: np.random.Generator, config: Config, count: int, length: int) -> Array:
    return rng.integers(3, 3 + config.fillers, (count, length))


def order(config: Config, rng: np.random.Generator, count: int, tested: bool) -> Sample:
    """Both marks once, in a sequence that a window covers; the class is the first."""
    ids = _fill(rng, config, count, config.short)
    places = np.sort(rng.permuted(np.tile(np.arange(config.short), (count, 1)), axis=1)[:, :2])
    classes = rng.integers(0, 2, count)
    rows = np.arange(count)
    ids[rows, places[:, 0]] = np.where(classes == 0, *MARKS)
    ids[rows, places[:, 1]] = np.where(classes == 0, *MARKS[::-1])
    return ids, classes


def _one_mark(rng: np.random.Generator, ids: Array, places: Array) -> Sample:
    """One of the two marks at a place of each row; the class is which."""
    classes = rng.integers(0, 2, len(ids))
    ids[np.arange(len(ids)), places] = np.where(classes == 0, *MARKS)
    return ids, classes


def long_range(config: Config, rng: np.random.Generator, count: int, tested: bool) -> Sample:
    """One mark at the start of a long sequence, before all that a window sees."""
    ids = _fill(rng, config, count, config.long)
    return _one_mark(rng, ids, rng.integers(0, config.short, count))


def sharing(config: Config, rng: np.random.Generator, count: int, tested: bool) -> Sample:
    """One mark in a short sequence: at even places in training, at odd ones in the test."""
    places = 2 * rng.integers(0, config.short // 2, count) + int(tested)
    return _one_mark(rng, _fill(rng, config, count, config.short), places)


def length(config: Config, rng: np.random.Generator, count: int, tested: bool) -> Sample:
    """One mark near the end of sequences that are short in training and long in the test.

    They are twice as long at least, so that the mark is beyond what the fixed length sees.
    """
    ids = _fill(rng, config, count, config.long)
    bounds = (2 * config.short, config.long) if tested else (config.short // 2, config.short)
    lengths = rng.integers(bounds[0], bounds[1] + 1, count)
    back = rng.integers(0, np.minimum(lengths, config.short))
    ids, classes = _one_mark(rng, ids, lengths - 1 - back)
    ids[np.arange(config.long) >= lengths[:, None]] = PAD
    return ids, classes


def tasks(config: Config) -> dict[str, Task]:
    """By the demand that each makes."""
    return {
        "order": Task(partial(order, config), config.short, "which mark comes first"),
        "long range": Task(
            partial(long_range, config), config.long, "which mark came before the window"
        ),
        "shared weights": Task(
            partial(sharing, config), config.short, "which mark, at places new to training"
        ),
        "variable length": Task(
            partial(length, config), config.short, "which mark, in sequences longer than before"
        ),
    }


def one_hot(ids: Tensor, symbols: int) -> Tensor:
    """(…, time) -> (…, time, symbols); the padding is all zeros."""
    return nn.functional.one_hot(ids, symbols)[..., 1:].to(torch.float32)


def ending(ids: Tensor, width: int) -> Tensor:
    """The last ``width`` symbols before the padding: (batch, width), padded on the left."""
    count = (ids != PAD).sum(1, keepdim=True)
    places = count - width + torch.arange(width)
    return torch.where(places >= 0, ids.gather(1, places.clamp(min=0)), PAD)


class Bag(nn.Module):
    """Counts of the symbols, a hidden layer, two logits."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.symbols = 3 + config.fillers
        self.net = perceptron(self.symbols - 1, config.units)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) -> (batch, 2)."""
        return self.net(one_hot(ids, self.symbols).sum(1))


class ByPosition(nn.Module):
    """Weights of their own for every position, counted from the end."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.symbols, self.longest = 3 + config.fillers, config.long
        self.net = perceptron(self.longest * (self.symbols - 1), config.units)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) -> (batch, 2)."""
        return self.net(one_hot(ending(ids, self.longest), self.symbols).flatten(1))


class Recurrent(nn.Module):
    """A GRU over the symbols that ``seen`` leaves of a sequence, two logits from its last state."""

    def __init__(self, config: Config, seen: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.symbols, self.seen = 3 + config.fillers, seen
        self.core = nn.GRU(self.symbols - 1, config.units, batch_first=True)
        self.output = nn.Linear(config.units, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, time) -> (batch, 2)."""
        ids = self.seen(ids)
        features, _ = self.core(one_hot(ids, self.symbols))
        # Padding may be on either side.
        last = torch.where(ids != PAD, torch.arange(ids.shape[1]), 0).amax(1)
        return self.output(features[torch.arange(len(ids)), last])


def perceptron(inputs: int, units: int) -> nn.Sequential:
    """One hidden layer. It starts from zero, so what never had an input never has a say."""
    hidden = nn.Linear(inputs, units)
    nn.init.zeros_(hidden.weight)
    return nn.Sequential(hidden, nn.Tanh(), nn.Linear(units, 2))


# By name, each from the config and the length of the training sequences; all but the last lack one
# of the demands, in the order of ``tasks``.
MODELS: dict[str, Callable[[Config, int], nn.Module]] = {
    "bag of symbols": lambda config, trained: Bag(config),
    "window": lambda config, trained: Recurrent(config, lambda ids: ending(ids, config.short)),
    "weights by position": lambda config, trained: ByPosition(config),
    "fixed length": lambda config, trained: Recurrent(config, lambda ids: ids[:, :trained]),
    "GRU": lambda config, trained: Recurrent(config, lambda ids: ids),
}


def accuracy(config: Config, task: Task, name: str) -> float:
    """Share of fresh test sequences that are classified rightly after training."""
    settle(config.seed, config.threads)
    network = MODELS[name](config, task.length)
    rng = np.random.default_rng(config.seed)
    optimisation = Optimisation(
        network.parameters(),
        learning_rate=config.learning_rate,
        weight_decay=0.0,
        warmup=config.warmup,
        steps=config.steps,
        clip_norm=config.clip_norm,
    )
    for _ in range(config.steps):
        ids, classes = map(torch.from_numpy, task.draw(rng, config.batch, False))
        optimisation.step(nn.functional.cross_entropy(network(ids), classes))
    ids, classes = map(torch.from_numpy, task.draw(rng, config.test, True))
    with torch.no_grad():
        return float((network(ids).argmax(1) == classes).double().mean())


def study(config: Config) -> Findings:
    """Accuracy of every model on every task."""
    demands = tasks(config)
    found = {name: [accuracy(config, t, name) for t in demands.values()] for name in MODELS}
    sizes = (
        f"Each model was trained on each task for {config.steps} steps of {config.batch} new "
        f"sequences and tested on {config.test:,} others; {config.short} to {config.long} symbols "
        f"of {config.fillers} fillers and two marks, {config.units} units, seed {config.seed}"
    )
    figures = (
        Figure(
            "accuracy",
            Kind.HEATMAP,
            f"Accuracy from 0 (light) to 1 (dark); one half is chance. {sizes}.",
            values=np.array(list(found.values())),
            rows=[name.replace(" ", HARD_SPACE) for name in found],
            columns=[demand.replace(" ", HARD_SPACE) for demand in demands],
        ),
        _table(demands, found, sizes),
    )
    return figures, {
        metric_name(name, demand, "percent"): 100 * value
        for name, values in found.items()
        for demand, value in zip(demands, values, strict=True)
    }


def _table(demands: dict[str, Task], found: dict[str, list[float]], sizes: str) -> Figure:
    asked = "; ".join(f"{demand}: {task.says}" for demand, task in demands.items())
    return Figure(
        "accuracies",
        Kind.TABLE,
        f"Test accuracy by what the task demands. {asked}. {sizes}.",
        columns=("model", *demands),
        cells=[
            (name, *(f"{100 * value:.1f} %" for value in values)) for name, values in found.items()
        ],
    )
