"""How far back four recurrent nets learn to look: the adding problem.

Each step shows a number from 0 to 1 and a mark; the target after the last step is the sum of the
two marked numbers, one in each half of the sequence (Hochreiter and Schmidhuber 1997, section 5.4;
Le et al. 2015, section 4.1). Predicting the mean, 1, leaves an error of 1/6. All nets take the same
few steps, so a failure says that a net is slow at this lag, not that it could never learn it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from repertoire.config import Count, Natural, Positive, Seed, Share
from repertoire.contract import Figure, Kind, Line
from repertoire.studies import Findings
from repertoire.training.optimisation import Optimisation
from repertoire.training.process import settle

VARIANCE = 1 / 6  # of the sum of two numbers that are uniform from 0 to 1


@dataclass(frozen=True)
class Config:
    """``rates`` are the learning rates by net, chosen on sequences that are not the tested ones."""

    seed: Seed
    threads: Count
    lengths: tuple[Count, ...]
    units: Count
    batch: Count
    steps: Count
    test: Natural
    clip_norm: Positive
    warmup: Share
    rates: dict[str, float]


def draw(rng: np.random.Generator, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Sequences (count, length, 2) of numbers and marks, and their targets (count,)."""
    numbers = rng.random((count, length))
    marks = np.zeros((count, length))
    rows, half = np.arange(count), length // 2
    marks[rows, rng.integers(0, half, count)] = 1
    marks[rows, rng.integers(half, length, count)] = 1
    inputs = np.stack((numbers, marks), axis=2).astype(np.float32)
    return torch.from_numpy(inputs), torch.from_numpy((numbers * marks).sum(1).astype(np.float32))


class Reader(nn.Module):
    """A recurrent net and a linear map of its last state to one number."""

    def __init__(self, core: nn.RNNBase) -> None:
        super().__init__()
        self.core = core
        self.output = nn.Linear(core.hidden_size, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, 2) -> (batch,)."""
        features, _ = self.core(inputs)
        return self.output(features[:, -1]).squeeze(1)


def tanh(units: int) -> nn.RNNBase:
    """A plain net; its recurrent matrix starts orthogonal."""
    core = nn.RNN(2, units, batch_first=True)
    nn.init.orthogonal_(core.get_parameter("weight_hh_l0"))
    return core


def identity(units: int) -> nn.RNNBase:
    """The IRNN: ReLU, recurrent matrix from the identity, biases from 0 (Le et al. 2015)."""
    core = nn.RNN(2, units, nonlinearity="relu", batch_first=True)
    nn.init.eye_(core.get_parameter("weight_hh_l0"))
    for name in ("bias_hh_l0", "bias_ih_l0"):
        nn.init.zeros_(core.get_parameter(name))
    return core


def gru(units: int) -> nn.RNNBase:
    """As PyTorch initialises it."""
    return nn.GRU(2, units, batch_first=True)


def lstm(units: int) -> nn.RNNBase:
    """With an open forget gate (Jozefowicz et al. 2015)."""
    core = nn.LSTM(2, units, batch_first=True)
    nn.init.zeros_(core.get_parameter("bias_hh_l0"))
    nn.init.ones_(core.get_parameter("bias_ih_l0").data[units : 2 * units])
    return core


NETS: dict[str, Callable[[int], nn.RNNBase]] = {
    "tanh": tanh,
    "IRNN": identity,
    "GRU": gru,
    "LSTM": lstm,
}


def test_error(config: Config, name: str, length: int) -> float:
    """Mean squared error on fresh sequences after ``config.steps`` batches."""
    settle(config.seed, config.threads)
    rng = np.random.default_rng((config.seed, length))
    test = draw(rng, config.test, length)
    network = Reader(NETS[name](config.units))
    optimisation = Optimisation(
        network.parameters(),
        learning_rate=config.rates[name],
        weight_decay=0.0,
        warmup=config.warmup,
        steps=config.steps,
        clip_norm=config.clip_norm,
    )
    for _ in range(config.steps):
        inputs, targets = draw(rng, config.batch, length)
        optimisation.step(nn.functional.mse_loss(network(inputs), targets))
    with torch.no_grad():
        return float(nn.functional.mse_loss(network(test[0]), test[1]))


def study(config: Config) -> Findings:
    """Error of each net by length, against always predicting the mean."""
    errors = {
        name: [test_error(config, name, length) for length in config.lengths] for name in NETS
    }
    sizes = (
        f"{config.units} units, {config.steps} steps of {config.batch} new sequences, tested on "
        f"{config.test:,}, seed {config.seed}; one training each"
    )
    figures = (
        Figure(
            "error-by-length",
            Kind.LINES,
            "Mean squared error of the sum by length of the sequence; the two numbers are half of "
            f"it apart on average. {sizes}. The level line is the variance, 1/6.",
            columns=("steps of the sequence", "mean squared error"),
            lines=[
                *(Line(name, config.lengths, found) for name, found in errors.items()),
                Line("predicting the mean", config.lengths, [VARIANCE] * len(config.lengths)),
            ],
            logarithmic="xy",
        ),
        _table(config, errors, sizes),
    )
    metrics = {
        f"{name.lower()}_{length}_mse": value
        for name, found in errors.items()
        for length, value in zip(config.lengths, found, strict=True)
    }
    return figures, metrics


def _table(config: Config, errors: dict[str, list[float]], sizes: str) -> Figure:
    return Figure(
        "errors",
        Kind.TABLE,
        f"The same errors. {sizes}.",
        columns=("net", "learning rate", *(f"{length} steps" for length in config.lengths)),
        cells=[
            *(
                (name, f"{config.rates[name]:g}", *(f"{value:.4f}" for value in found))
                for name, found in errors.items()
            ),
            ("predicting the mean", "0", *(f"{VARIANCE:.4f}" for _ in config.lengths)),
        ],
    )
